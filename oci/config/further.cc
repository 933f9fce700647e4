// SPDX-License-Identifier: Apache-2.0
// What runtime-spec 1.3 added to linux: network devices, memory policy; and Intel RDT.
#include <net/if.h>

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "oci/config/config.h"
#include "oci/config/parts.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

constexpr size_t kMostNodes = 1024;  // what the kernel's headers allow at most

// As the kernel's dev_valid_name() has it.
bool IsLinkName(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), [](unsigned char c) {
    return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r');
  });
}

template <size_t N>
std::optional<int> Find(const MemoryPolicyWord (&words)[N], std::string_view name) {
  for (const MemoryPolicyWord& word : words) {
    if (word.name == name) return word.value;
  }
  return std::nullopt;
}

// "0-3,7" → bits; how many.
Result<size_t> ReadNodes(const Field& field, const std::string& text, std::vector<uint64_t>& bits) {
  std::set<uint64_t> nodes;
  for (const std::string_view part : base::Split(std::string_view(text), ',')) {
    const std::string_view range = base::Trim(part);
    if (range.empty()) continue;
    const size_t dash = range.find('-');
    const auto first = base::ParseUint64(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : base::ParseUint64(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMostNodes)
      return field.Bad("invalid memory policy nodes {}", base::QuoteIfNeeded(text));
    for (uint64_t node = *first; node <= *last; ++node) nodes.insert(node);
  }
  for (const uint64_t node : nodes) {
    bits.resize(std::max<size_t>(bits.size(), node / 64 + 1));
    bits[node / 64] |= uint64_t{1} << node % 64;
  }
  return nodes.size();
}

}  // namespace

Status ReadMemoryPolicy(const Field& owner, Linux& out) {
  const std::optional<Field> field = owner.Find("memoryPolicy");
  if (!field) return base::Ok();
  std::string mode, nodes;
  std::vector<std::string> flags;
  RETURN_IF_ERROR(field->IsObject());
  RETURN_IF_ERROR(field->Read("mode", mode));
  RETURN_IF_ERROR(field->Read("nodes", nodes));
  RETURN_IF_ERROR(field->Read("flags", flags));
  spec::Process::Further::MemoryPolicy policy;
  const std::optional<int> known = Find(kMemoryPolicyModes, mode);
  if (!known) return field->Bad("invalid memory policy mode {}", base::QuoteIfNeeded(mode));
  policy.mode = *known;
  for (const std::string& flag : flags) {
    const std::optional<int> bit = Find(kMemoryPolicyFlags, flag);
    if (!bit) return field->Bad("invalid memory policy flag {}", base::QuoteIfNeeded(flag));
    policy.mode |= *bit;
  }
  ASSIGN_OR_RETURN(const size_t count, ReadNodes(*field, nodes, policy.nodes));
  if (count > 0 && (mode == "MPOL_DEFAULT" || mode == "MPOL_LOCAL"))
    return field->Bad("mode requires 0 nodes but got {}", count);
  out.memory_policy = std::move(policy);
  return base::Ok();
}

Status ReadNetDevices(const Field& owner, Linux& out) {
  const std::optional<Field> map = owner.Find("netDevices");
  if (!map) return base::Ok();
  ASSIGN_OR_RETURN(const auto members, map->Members());
  std::set<std::string> names;
  for (const auto& [name, item] : members) {
    NetDevice device{name, ""};
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("name", device.inside));
    if (device.inside.empty()) device.inside = name;
    for (const std::string& one : {name, device.inside}) {
      if (!IsLinkName(one))
        return map->Bad("invalid network device name {}", base::QuoteIfNeeded(one));
    }
    if (!names.insert(device.inside).second)
      return map->Bad("two devices of the name {}", base::QuoteIfNeeded(device.inside));
    out.net_devices.push_back(std::move(device));
  }
  return base::Ok();
}

Status RefuseIntelRdt(const Field& owner) {
  if (const std::optional<Field> found = owner.Find("intelRdt"); found)
    return found->Bad("intelRdt is specified in config, but Intel RDT is not enabled");
  return base::Ok();
}

}  // namespace keelson::oci
