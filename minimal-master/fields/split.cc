// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/split.h"

#include "minimal-master/schema/json_text.h"

namespace keelson::fields {
namespace {

using schema::JsonCursor;
using schema::Token;

// A member of an object: its value, and where what is before it ends. Empty: there is none.
struct Member {
  std::string_view value;
  size_t before = 0;
  bool first = true;
};

Member Find(std::string_view object, std::string_view name) {
  JsonCursor cursor(object);
  if (object.empty() || cursor.Peek() != Token::kObject) return {};
  cursor.Enter();
  Member member;
  member.before = object.find('{') + 1;
  std::string key;
  while (cursor.NextKey(key)) {
    member.value = cursor.Skip();
    if (key == name) return member;
    member.before = static_cast<size_t>(member.value.data() - object.data()) + member.value.size();
    member.first = false;
  }
  return {};
}

}  // namespace

Split SplitManagers(std::string_view object) {
  const std::string_view metadata = Find(object, "metadata").value;
  const Member managers = Find(metadata, "managedFields");
  if (managers.value.empty()) return {std::string(object), {}};
  const size_t begin = static_cast<size_t>(metadata.data() - object.data()) + managers.before;
  size_t end = static_cast<size_t>(managers.value.data() - object.data()) + managers.value.size();
  if (managers.first) {  // the comma that goes with it is the one behind it
    const size_t next = object.find_first_not_of(" \t\r\n", end);
    if (next != std::string_view::npos && object[next] == ',') end = next + 1;
  }
  Split out;
  out.object.reserve(object.size() - (end - begin));
  out.object.append(object, 0, begin).append(object, end);
  out.managers = managers.value;
  return out;
}

std::string JoinManagers(std::string object, std::string_view managers) {
  if (managers.empty()) return object;
  const std::string_view metadata = Find(object, "metadata").value;
  if (metadata.size() < 2 || metadata.back() != '}') return object;
  const size_t end = static_cast<size_t>(metadata.data() - object.data()) + metadata.size() - 1;
  std::string member = object[end - 1] == '{' ? "" : ",";
  member += "\"managedFields\":";
  member += managers;
  object.insert(end, member);
  return object;
}

}  // namespace keelson::fields
