// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/hash.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace keelson::pods {
namespace {

// 32 bits of Fowler, Noll and Vo's hash (FNV-1a).
class Fnv {
 public:
  void Add(std::string_view bytes) {
    for (const char byte : bytes) {
      state_ = (state_ ^ static_cast<uint8_t>(byte)) * 16777619u;
    }
  }
  uint32_t value() const { return state_; }

 private:
  uint32_t state_ = 2166136261u;
};

void Add(const json::Value& value, Fnv& hash) {
  if (value.IsObject()) {
    std::vector<const json::Value::Member*> members;
    for (const auto& member : value.members()) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    hash.Add("{");
    for (const json::Value::Member* member : members) {
      hash.Add(member->first);
      hash.Add(":");
      Add(member->second, hash);
      hash.Add(",");
    }
    hash.Add("}");
  } else if (value.IsArray()) {
    hash.Add("[");
    for (const json::Value& item : value.items()) {
      Add(item, hash);
      hash.Add(",");
    }
    hash.Add("]");
  } else {
    hash.Add(json::WriteJson(value));
  }
}

}  // namespace

std::string HashOf(const json::Value& value, const json::Value& collisions) {
  // Without vowels and look-alikes, as upstream's names.
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  Fnv hash;
  Add(value, hash);
  if (collisions.IsInt()) hash.Add("#" + std::to_string(collisions.AsInt()));
  std::string out;
  for (const char digit : std::to_string(hash.value())) {
    out += kLetters[static_cast<uint8_t>(digit) % kLetters.size()];
  }
  return out;
}

}  // namespace keelson::pods
