// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/split.h"

#include "minimal-master/schema/json_text.h"

namespace keelson::fields {
namespace {

using schema::JsonCursor;
using schema::Token;

// The value of the object's member of this name; empty: it has none.
std::string_view MemberOf(std::string_view object, std::string_view name) {
  JsonCursor cursor(object);
  if (object.empty() || cursor.Peek() != Token::kObject) return {};
  cursor.Enter();
  std::string key;
  while (cursor.NextKey(key)) {
    const std::string_view value = cursor.Skip();
    if (key == name) return value;
  }
  return {};
}

}  // namespace

Split SplitManagers(std::string_view object) {
  constexpr std::string_view kKey = "\"managedFields\":";
  const std::string_view metadata = MemberOf(object, "metadata");
  const std::string_view managers = MemberOf(metadata, "managedFields");
  if (managers.empty()) return {std::string(object), {}};
  size_t begin = static_cast<size_t>(managers.data() - object.data());
  size_t end = begin + managers.size();
  const size_t key = object.rfind(kKey, begin);
  if (key == std::string_view::npos || key + kKey.size() != begin) return {std::string(object), {}};
  begin = key;
  if (object[begin - 1] == ',')
    --begin;
  else if (end < object.size() && object[end] == ',')
    ++end;
  Split out;
  out.object.reserve(object.size() - (end - begin));
  out.object.append(object, 0, begin).append(object, end);
  out.managers = managers;
  return out;
}

std::string JoinManagers(std::string object, std::string_view managers) {
  if (managers.empty()) return object;
  const std::string_view metadata = MemberOf(object, "metadata");
  if (metadata.size() < 2 || metadata.back() != '}') return object;
  const size_t end = static_cast<size_t>(metadata.data() - object.data()) + metadata.size() - 1;
  std::string member = object[end - 1] == '{' ? "" : ",";
  member += "\"managedFields\":";
  member += managers;
  object.insert(end, member);
  return object;
}

}  // namespace keelson::fields
