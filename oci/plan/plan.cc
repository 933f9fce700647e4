// SPDX-License-Identifier: Apache-2.0
#include "oci/plan/plan.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "oci/plan/mount_options.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

struct NamespaceName {
  std::string_view type;
  std::string_view file;
  uint64_t flag;
};
constexpr NamespaceName kNames[] = {
    {"pid", "pid", CLONE_NEWPID},          {"network", "net", CLONE_NEWNET},
    {"mount", "mnt", CLONE_NEWNS},         {"ipc", "ipc", CLONE_NEWIPC},
    {"uts", "uts", CLONE_NEWUTS},          {"user", "user", CLONE_NEWUSER},
    {"cgroup", "cgroup", CLONE_NEWCGROUP}, {"time", "time", CLONE_NEWTIME}};

// What may lie in /proc without lying about the process itself (CVE-2019-16884).
constexpr std::string_view kAllowedInProc[] = {"/proc/cpuinfo",
                                               "/proc/diskstats",
                                               "/proc/meminfo",
                                               "/proc/stat",
                                               "/proc/swaps",
                                               "/proc/uptime",
                                               "/proc/loadavg",
                                               "/proc/slabinfo",
                                               "/proc/net/dev",
                                               "/proc/sys/kernel/ns_last_pid",
                                               "/proc/sys/crypto/fips_enabled"};

// The way as it would be walked without links: dots and doubled slashes are gone.
std::string Plain(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : base::Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.emplace_back(part);
  }
  return "/" + base::Join(parts, "/");
}

Status CheckProc(const spec::Mount& mount, const MountEntry& entry) {
  const std::string& at = mount.destination;
  if (at == "/") return base::InvalidArgument("{}: the root itself cannot be covered", entry.path);
  if (at != "/proc" && !at.starts_with("/proc/")) return base::Ok();
  using Kind = spec::Mount::Kind;
  if (at == "/proc" && (mount.kind == Kind::kProc ||
                        (mount.kind == Kind::kBind && Plain(mount.further.source) == "/proc")))
    return base::Ok();
  const bool allowed = std::find(std::begin(kAllowedInProc), std::end(kAllowedInProc), at) !=
                       std::end(kAllowedInProc);
  // A file system of the kernel's own below /proc, binfmt_misc say, shows nothing wrong.
  if (allowed || (at != "/proc" && mount.kind == Kind::kOther)) return base::Ok();
  return base::InvalidArgument("{}: \"{}\" cannot be mounted because it is inside /proc",
                               entry.path, at);
}

void AddDevices(const Config& config, spec::ContainerSpec& spec) {
  static constexpr std::pair<const char*, std::pair<uint32_t, uint32_t>> kDefaults[] = {
      {"/dev/null", {1, 3}},   {"/dev/zero", {1, 5}},    {"/dev/full", {1, 7}},
      {"/dev/random", {1, 8}}, {"/dev/urandom", {1, 9}}, {"/dev/tty", {5, 0}}};
  for (const auto& [path, numbers] : kDefaults) {
    const bool named = std::any_of(config.system.devices.begin(), config.system.devices.end(),
                                   [&wanted = path](const auto& d) { return d.path == wanted; });
    if (!named) spec.devices.push_back({path, S_IFCHR | 0666, numbers.first, numbers.second, 0, 0});
  }
  spec.devices.insert(spec.devices.end(), config.system.devices.begin(),
                      config.system.devices.end());
}

}  // namespace

uint64_t NamespaceFlag(std::string_view type) {
  for (const NamespaceName& name : kNames) {
    if (name.type == type) return name.flag;
  }
  return 0;
}

std::string NamespaceFile(std::string_view type) {
  for (const NamespaceName& name : kNames) {
    if (name.type == type) return std::string(name.file);
  }
  return "";
}

std::vector<std::string> LimitCapabilities(spec::Capabilities& sets, uint64_t available) {
  std::vector<std::string> warnings;
  const auto limit = [&](const char* name, uint64_t& set, uint64_t to) {
    std::vector<std::string> lost;
    for (int bit = 0; bit < 64; ++bit) {
      if ((set & ~to) >> bit & 1) lost.push_back(capabilities::NameOf(bit));
    }
    if (lost.empty()) return;
    set &= to;
    warnings.push_back(fmt::format("process.capabilities.{}: cannot be granted and passed over: {}",
                                   name, base::Join(lost, ", ")));
  };
  // In runc's words. Where nothing is inheritable nothing of it could ever be raised, and nobody
  // waits for it: builders list all that they grant.
  for (int bit = 0; bit < 64; ++bit) {
    if (sets.inheritable != 0 &&
        (sets.ambient & ~(sets.permitted & sets.inheritable & available)) >> bit & 1) {
      warnings.push_back(fmt::format("can't raise ambient capability {}: operation not permitted",
                                     capabilities::NameOf(bit)));
    }
  }
  limit("bounding", sets.bounding, available);
  limit("permitted", sets.permitted, available);
  limit("inheritable", sets.inheritable, available);
  limit("effective", sets.effective, sets.permitted);
  sets.ambient &= sets.permitted & sets.inheritable;
  return warnings;
}

std::string MapText(const std::vector<IdMapping>& mappings) {
  std::string text;
  for (const IdMapping& mapping : mappings)
    text += fmt::format("{} {} {}\n", mapping.container, mapping.host, mapping.size);
  return text;
}

Result<spec::ContainerSpec> ToSpec(const Config& config, const Place& place) {
  spec::ContainerSpec spec;
  spec.id = place.id;
  if (config.process) spec.process = config.process->process;
  spec.process.further.personality = config.system.personality;
  spec.process.further.memory_policy = config.system.memory_policy;
  spec.root_path = place.root;
  spec.read_only_root = config.read_only_root;
  for (const MountEntry& entry : config.mounts) {
    ASSIGN_OR_RETURN(spec::Mount mount, ToMount(entry, place.bundle));
    mount.destination = Plain(mount.destination);
    // Some write where it is on the host (runc takes it so).
    if (mount.destination.starts_with(place.root + "/"))
      mount.destination.erase(0, place.root.size());
    RETURN_IF_ERROR(CheckProc(mount, entry));
    mount.further.locked = config.FindNamespace("user") != nullptr;
    spec.mounts.push_back(std::move(mount));
  }
  AddDevices(config, spec);
  for (const std::string& path : config.system.masked_paths) {
    if (std::find(spec.masked_paths.begin(), spec.masked_paths.end(), path) ==
        spec.masked_paths.end())
      spec.masked_paths.push_back(path);
  }
  spec.read_only_paths = config.system.read_only_paths;
  spec.mount_label = config.system.mount_label;
  spec.pid_mode = config.HasNew("pid") ? spec::PidMode::kOwn : spec::PidMode::kHost;
  spec.own_cgroup_namespace = config.HasNew("cgroup");
  if (const uint64_t flags = PropagationOf(config.system.root_propagation); flags != 0)
    spec.root_propagation.push_back(flags);
  return spec;
}

}  // namespace keelson::oci
