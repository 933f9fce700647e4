// SPDX-License-Identifier: Apache-2.0
#include "oci/config/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "oci/config/field.h"
#include "oci/config/parts.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

constexpr json::Limits kLimits = {.bytes = size_t{4} << 20, .depth = 32, .values = 500'000};
constexpr std::string_view kNamespaces[] = {"pid", "network", "mount",  "ipc",
                                            "uts", "user",    "cgroup", "time"};
constexpr std::string_view kPropagations[] = {"shared",  "slave",  "private",  "unbindable",
                                              "rshared", "rslave", "rprivate", "runbindable"};

// SemVer 2.0.0's three numbers and what may follow them; only the first is looked at.
bool IsVersionOne(std::string_view text) {
  const size_t end = text.find_first_of("-+");
  const std::vector<std::string_view> parts = base::Split(text.substr(0, end), '.');
  if (parts.size() != 3) return false;
  for (const std::string_view part : parts) {
    if (!base::ParseUint64(part) || (part.size() > 1 && part[0] == '0')) return false;
  }
  if (end != std::string_view::npos && end + 1 == text.size()) return false;
  return parts[0] == "1";
}

Status ReadHooks(const Field& field, const char* name, std::vector<Hook>& out) {
  const std::optional<Field> list = field.Find(name);
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  for (const Field& item : items) {
    Hook hook;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("path", hook.path));
    RETURN_IF_ERROR(item.Read("args", hook.args));
    if (item.Find("env")) RETURN_IF_ERROR(item.Read("env", hook.env.emplace()));
    RETURN_IF_ERROR(item.Read("timeout", hook.timeout, 1, 1'000'000'000));
    if (!hook.path.starts_with('/')) return item.Bad("path must be absolute");
    out.push_back(std::move(hook));
  }
  return base::Ok();
}

Status ReadMappings(const Field& owner, const char* name, std::vector<IdMapping>& out) {
  const std::optional<Field> list = owner.Find(name);
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  if (items.size() > 340) return list->Bad("the kernel takes 340 mappings at most");
  for (const Field& item : items) {
    IdMapping mapping;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("containerID", mapping.container));
    RETURN_IF_ERROR(item.Read("hostID", mapping.host));
    RETURN_IF_ERROR(item.Read("size", mapping.size));
    if (mapping.size == 0) return item.Bad("size must be above 0");
    if (uint64_t{mapping.container} + mapping.size > uint64_t{UINT32_MAX} ||
        uint64_t{mapping.host} + mapping.size > uint64_t{UINT32_MAX})
      return item.Bad("reaches beyond the last id");
    out.push_back(mapping);
  }
  return base::Ok();
}

Status ReadMounts(const Field& top, Config& config) {
  const std::optional<Field> list = top.Find("mounts");
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  for (const Field& item : items) {
    MountEntry entry;
    RETURN_IF_ERROR(item.IsObject());
    entry.path = item.path();
    RETURN_IF_ERROR(item.Read("destination", entry.destination));
    RETURN_IF_ERROR(item.Read("type", entry.type));
    RETURN_IF_ERROR(item.Read("source", entry.source));
    RETURN_IF_ERROR(item.Read("options", entry.options));
    RETURN_IF_ERROR(ReadMappings(item, "uidMappings", entry.uid_mappings));
    RETURN_IF_ERROR(ReadMappings(item, "gidMappings", entry.gid_mappings));
    if (entry.destination.empty()) return item.Bad("destination is missing");
    // Relative ones are meant from the root (runtime-spec 1.2).
    if (!entry.destination.starts_with('/')) entry.destination.insert(0, "/");
    if (entry.uid_mappings.empty() != entry.gid_mappings.empty())
      return item.Bad("uidMappings and gidMappings go together");
    config.mounts.push_back(std::move(entry));
  }
  return base::Ok();
}

Status ReadNamespaces(const Field& field, Linux& out) {
  const std::optional<Field> list = field.Find("namespaces");
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  std::set<std::string> seen;
  for (const Field& item : items) {
    NamespaceEntry entry;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("type", entry.type));
    RETURN_IF_ERROR(item.Read("path", entry.path));
    if (std::find(std::begin(kNamespaces), std::end(kNamespaces), entry.type) ==
        std::end(kNamespaces))
      return item.Bad("unknown type {}", base::QuoteIfNeeded(entry.type));
    if (!seen.insert(entry.type).second) return item.Bad("a second one of type {}", entry.type);
    if (!entry.path.empty() && !entry.path.starts_with('/'))
      return item.Bad("path must be absolute");
    out.namespaces.push_back(std::move(entry));
  }
  return base::Ok();
}

Status ReadDevices(const Field& field, Linux& out) {
  const std::optional<Field> list = field.Find("devices");
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  for (const Field& item : items) {
    spec::Device device;
    std::string type;
    std::optional<int64_t> major, minor, mode;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("type", type));
    RETURN_IF_ERROR(item.Read("path", device.path));
    RETURN_IF_ERROR(item.Read("major", major, 0, UINT32_MAX));
    RETURN_IF_ERROR(item.Read("minor", minor, 0, UINT32_MAX));
    RETURN_IF_ERROR(item.Read("fileMode", mode, 0, 0177777));
    RETURN_IF_ERROR(item.Read("uid", device.uid));
    RETURN_IF_ERROR(item.Read("gid", device.gid));
    if (device.path.size() < 2 || !device.path.starts_with('/') || device.path.ends_with('/'))
      return item.Bad("path must be absolute and name a file");
    if (type != "c" && type != "u" && type != "b" && type != "p")
      return item.Bad("type must be c, u, b or p, it is {}", base::QuoteIfNeeded(type));
    if (type != "p" && (!major || !minor))
      return item.Bad("{} is missing", major ? "minor" : "major");
    device.major = static_cast<uint32_t>(major.value_or(0));
    device.minor = static_cast<uint32_t>(minor.value_or(0));
    device.mode = static_cast<uint32_t>(mode.value_or(0666)) & 07777;
    device.mode |= type == "b" ? S_IFBLK : type == "p" ? S_IFIFO : S_IFCHR;
    out.devices.push_back(std::move(device));
  }
  return base::Ok();
}

Status ReadTimeOffsets(const Field& field, Linux& out) {
  const std::optional<Field> map = field.Find("timeOffsets");
  if (!map) return base::Ok();
  ASSIGN_OR_RETURN(const auto members, map->Members());
  for (const auto& [clock, item] : members) {
    std::optional<int64_t> seconds, nanoseconds;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("secs", seconds));
    RETURN_IF_ERROR(item.Read("nanosecs", nanoseconds, 0, 999'999'999));
    if (clock != "monotonic" && clock != "boottime")
      return map->Bad("no clock {}: monotonic and boottime are", base::QuoteIfNeeded(clock));
    out.time_offsets.push_back({clock, seconds.value_or(0), nanoseconds.value_or(0)});
  }
  return base::Ok();
}

Status ReadPersonality(const Field& field, Linux& out) {
  const std::optional<Field> personality = field.Find("personality");
  if (!personality) return base::Ok();
  std::string domain;
  std::vector<std::string> flags;
  RETURN_IF_ERROR(personality->IsObject());
  RETURN_IF_ERROR(personality->Read("domain", domain));
  RETURN_IF_ERROR(personality->Read("flags", flags));
  if (!flags.empty()) return personality->Bad("flags are not supported");
  if (domain == "LINUX")
    out.personality = 0;
  else if (domain == "LINUX32")
    out.personality = 8;
  else
    return personality->Bad("domain must be LINUX or LINUX32");
  return base::Ok();
}

Status ReadLinux(const Field& field, Linux& out) {
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(ReadNamespaces(field, out));
  RETURN_IF_ERROR(ReadMappings(field, "uidMappings", out.uid_mappings));
  RETURN_IF_ERROR(ReadMappings(field, "gidMappings", out.gid_mappings));
  RETURN_IF_ERROR(ReadTimeOffsets(field, out));
  RETURN_IF_ERROR(ReadDevices(field, out));
  RETURN_IF_ERROR(field.Read("cgroupsPath", out.cgroups_path));
  RETURN_IF_ERROR(field.Read("rootfsPropagation", out.root_propagation));
  RETURN_IF_ERROR(field.Read("maskedPaths", out.masked_paths));
  RETURN_IF_ERROR(field.Read("readonlyPaths", out.read_only_paths));
  RETURN_IF_ERROR(field.Read("mountLabel", out.mount_label));
  RETURN_IF_ERROR(field.Read("sysctl", out.sysctl));
  RETURN_IF_ERROR(ReadPersonality(field, out));
  if (const std::optional<Field> resources = field.Find("resources")) {
    ASSIGN_OR_RETURN(out.resources, ParseResources(*resources));
  }
  if (const std::optional<Field> seccomp = field.Find("seccomp")) {
    RETURN_IF_ERROR(seccomp->IsObject());
    out.seccomp = seccomp->value();
  }
  if (!out.root_propagation.empty() && std::find(std::begin(kPropagations), std::end(kPropagations),
                                                 out.root_propagation) == std::end(kPropagations)) {
    return field.Bad("rootfsPropagation {} is not known",
                     base::QuoteIfNeeded(out.root_propagation));
  }
  for (const auto* paths : {&out.masked_paths, &out.read_only_paths}) {
    for (const std::string& path : *paths) {
      if (!path.starts_with('/'))
        return field.Bad("{}: {} is not absolute",
                         paths == &out.masked_paths ? "maskedPaths" : "readonlyPaths",
                         base::QuoteIfNeeded(path));
    }
  }
  RETURN_IF_ERROR(ReadMemoryPolicy(field, out));
  RETURN_IF_ERROR(ReadNetDevices(field, out));
  return RefuseIntelRdt(field);
}

// What needs a namespace of the container's own: it would change the host's.
Status Contradictions(const Config& config) {
  const Linux& system = config.system;
  const auto needs = [&](bool wanted, const char* what, const char* type) -> Status {
    if (!wanted || config.FindNamespace(type) != nullptr) return base::Ok();
    return base::InvalidArgument("{} needs linux.namespaces to name a {} namespace", what, type);
  };
  RETURN_IF_ERROR(needs(!config.hostname.empty(), "hostname", "uts"));
  RETURN_IF_ERROR(needs(!config.domainname.empty(), "domainname", "uts"));
  RETURN_IF_ERROR(needs(true, "the container's root", "mount"));
  RETURN_IF_ERROR(needs(!system.uid_mappings.empty() || !system.gid_mappings.empty(),
                        "linux.uidMappings", "user"));
  RETURN_IF_ERROR(needs(!system.time_offsets.empty(), "linux.timeOffsets", "time"));
  RETURN_IF_ERROR(needs(!system.net_devices.empty(), "linux.netDevices", "network"));
  if (config.HasNew("user") && (system.uid_mappings.empty() || system.gid_mappings.empty()))
    return base::InvalidArgument(
        "a new user namespace needs linux.uidMappings and linux.gidMappings");
  const NamespaceEntry* time = config.FindNamespace("time");
  if (time != nullptr && !time->path.empty() && !system.time_offsets.empty())
    return base::InvalidArgument("linux.timeOffsets: of a time namespace that is there already");
  for (const auto& [name, value] : system.sysctl) {
    std::string key = name;
    std::replace(key.begin(), key.end(), '/', '.');
    if (key.starts_with("net.")) {
      RETURN_IF_ERROR(needs(true, ("linux.sysctl." + name).c_str(), "network"));
    } else if (key == "kernel.hostname") {
      return base::InvalidArgument(
          "linux.sysctl: kernel.hostname is not allowed: the member hostname is for it");
    } else if (key == "kernel.domainname") {
      RETURN_IF_ERROR(needs(true, ("linux.sysctl." + name).c_str(), "uts"));
    } else if (key.starts_with("fs.mqueue.") || key.starts_with("kernel.msg") ||
               key.starts_with("kernel.shm") || key == "kernel.sem") {
      RETURN_IF_ERROR(needs(true, ("linux.sysctl." + name).c_str(), "ipc"));
    } else if (!key.starts_with("user.")) {
      return base::InvalidArgument(
          "linux.sysctl: {} belongs to no namespace, it would change the host",
          base::QuoteIfNeeded(name));
    }
    if (key.find("..") != std::string::npos || base::ContainsControlCharacter(value))
      return base::InvalidArgument("linux.sysctl: {} is not usable", base::QuoteIfNeeded(name));
  }
  return base::Ok();
}

}  // namespace

const NamespaceEntry* Config::FindNamespace(std::string_view type) const {
  for (const NamespaceEntry& entry : system.namespaces) {
    if (entry.type == type) return &entry;
  }
  return nullptr;
}

bool Config::HasNew(std::string_view type) const {
  const NamespaceEntry* entry = FindNamespace(type);
  return entry != nullptr && entry->path.empty();
}

Result<Config> ParseConfig(std::string_view text) {
  ASSIGN_OR_RETURN(const json::Value document, json::ParseJson(text, kLimits));
  const Field top(document, "");
  RETURN_IF_ERROR(top.IsObject());
  Config config;
  RETURN_IF_ERROR(top.Read("ociVersion", config.version));
  if (!IsVersionOne(config.version)) {
    return base::InvalidArgument("ociVersion: {} is not a version that is understood: 1.0.0 to {}",
                                 base::QuoteIfNeeded(config.version), kSpecVersion);
  }
  RETURN_IF_ERROR(top.Read("hostname", config.hostname));
  RETURN_IF_ERROR(top.Read("domainname", config.domainname));
  RETURN_IF_ERROR(top.Read("annotations", config.annotations));
  if (const std::optional<Field> root = top.Find("root")) {
    RETURN_IF_ERROR(root->IsObject());
    RETURN_IF_ERROR(root->Read("path", config.root));
    RETURN_IF_ERROR(root->Read("readonly", config.read_only_root));
  }
  if (config.root.empty()) return base::InvalidArgument("root.path is missing");
  if (const std::optional<Field> process = top.Find("process")) {
    ASSIGN_OR_RETURN(config.process, ReadProcess(*process));
    if (!config.process->unknown_capabilities.empty()) {
      config.warnings.push_back("process.capabilities: unknown here and passed over: " +
                                base::Join(config.process->unknown_capabilities, ", "));
    }
  }
  RETURN_IF_ERROR(ReadMounts(top, config));
  if (const std::optional<Field> hooks = top.Find("hooks")) {
    RETURN_IF_ERROR(hooks->IsObject());
    RETURN_IF_ERROR(ReadHooks(*hooks, "prestart", config.hooks.prestart));
    RETURN_IF_ERROR(ReadHooks(*hooks, "createRuntime", config.hooks.create_runtime));
    RETURN_IF_ERROR(ReadHooks(*hooks, "createContainer", config.hooks.create_container));
    RETURN_IF_ERROR(ReadHooks(*hooks, "startContainer", config.hooks.start_container));
    RETURN_IF_ERROR(ReadHooks(*hooks, "poststart", config.hooks.poststart));
    RETURN_IF_ERROR(ReadHooks(*hooks, "poststop", config.hooks.poststop));
  }
  if (const std::optional<Field> system = top.Find("linux")) {
    RETURN_IF_ERROR(ReadLinux(*system, config.system));
  }
  RETURN_IF_ERROR(Contradictions(config));
  return config;
}

}  // namespace keelson::oci
