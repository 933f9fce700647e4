// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/hash.h"

#include <fmt/format.h>

namespace keelson::pod {
namespace {

// FNV-1a (draft-eastlake-fnv), 32 and 128 bits.
uint32_t Fnv32(std::string_view text) {
  uint32_t hash = 0x811c9dc5;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193u;
  return hash;
}

__extension__ using Wide = unsigned __int128;
Wide Fnv128(std::string_view text) {
  constexpr Wide kPrime = (Wide{1} << 88) + 0x13b;
  Wide hash = (Wide{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
  return hash;
}

}  // namespace

std::string ContainerHash(const kube::Container& container) {
  json::Value fields = json::Value::Object();
  fields.Set("image", json::Value(container.image));
  fields.Set("name", json::Value(container.name));
  return fmt::format("{:x}", Fnv32(json::WriteJson(fields)));
}

std::string StaticPodUid(const json::Value& manifest, const std::string& node_name,
                         const std::string& source) {
  const Wide hash = Fnv128(json::WriteJson(manifest) + "host:" + node_name + source);
  return fmt::format("{:016x}{:016x}", static_cast<uint64_t>(hash >> 64),
                     static_cast<uint64_t>(hash));
}

}  // namespace keelson::pod
