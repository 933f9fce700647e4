// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "minimal-master/patch/strategic.h"

namespace keelson::patch {

std::string GoText(const json::Value& value) {
  if (value.IsNull()) return "<nil>";
  if (value.IsString()) return value.AsString();
  if (value.IsArray()) {
    std::string out = "[";
    for (const json::Value& item : value.items()) {
      if (out.size() > 1) out += ' ';
      out += GoText(item);
    }
    return out + "]";
  }
  if (!value.IsObject()) return json::WriteJson(value);
  std::vector<const json::Value::Member*> members;
  for (const auto& member : value.members()) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  std::string out = "map[";
  for (const auto* member : members) {
    if (out.size() > 4) out += ' ';
    out += member->first + ":" + GoText(member->second);
  }
  return out + "]";
}

}  // namespace keelson::patch
