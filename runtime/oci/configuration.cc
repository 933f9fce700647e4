// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/configuration.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "runtime/oci/json_text.h"

namespace keelson::oci {

using spec::Mount;

namespace {

constexpr const char* kLimitNames[] = {
    "CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
    "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};

void PutCapabilities(JsonText& json, const char* name, uint64_t set) {
  json.Key(name).Open('[');
  for (int bit = 0; bit < 64; ++bit) {
    if ((set >> bit & 1) != 0) json.String(capabilities::NameOf(bit));
  }
  json.Close(']');
}

void PutProcess(JsonText& json, const spec::Process& process, int32_t lowest_oom_score) {
  json.Open('{').Key("terminal").Bool(process.terminal);
  if (process.terminal)
    json.Key("consoleSize").Open('{').Key("height").Number(24).Key("width").Number(80).Close('}');
  json.Key("user").Open('{').Key("uid").Number(process.identity.uid);
  json.Key("gid").Number(process.identity.gid).Key("additionalGids").Open('[');
  for (const uint32_t group : process.identity.groups) json.Number(group);
  json.Close(']').Close('}');
  json.Key("args").Strings(process.args).Key("env").Strings(process.env);
  json.Key("cwd").String(process.cwd.empty() ? "/" : process.cwd);
  const spec::Capabilities& sets = process.capabilities;
  json.Key("capabilities").Open('{');
  PutCapabilities(json, "bounding", sets.bounding);
  PutCapabilities(json, "effective", sets.effective);
  PutCapabilities(json, "permitted", sets.permitted);
  PutCapabilities(json, "inheritable", sets.inheritable);
  PutCapabilities(json, "ambient", sets.ambient);
  json.Close('}');
  json.Key("rlimits").Open('[');
  for (const spec::Rlimit& limit : process.rlimits) {
    if (limit.resource < 0 || limit.resource >= static_cast<int32_t>(std::size(kLimitNames)))
      continue;
    json.Open('{').Key("type").String(std::string("RLIMIT_") + kLimitNames[limit.resource]);
    json.Key("soft").Unsigned(limit.soft).Key("hard").Unsigned(limit.hard).Close('}');
  }
  json.Close(']');
  json.Key("noNewPrivileges").Bool(process.no_new_privileges);
  json.Key("oomScoreAdj").Number(std::max(process.oom_score_adj, lowest_oom_score));
  if (!process.apparmor_profile.empty())
    json.Key("apparmorProfile").String(process.apparmor_profile);
  if (!process.selinux_label.empty()) json.Key("selinuxLabel").String(process.selinux_label);
  json.Close('}');
}

std::vector<std::string> AttributeOptions(uint64_t attributes) {
  std::vector<std::string> out;
  static constexpr std::pair<uint64_t, const char*> kFlags[] = {
      {MOUNT_ATTR_NOSUID, "nosuid"},
      {MOUNT_ATTR_NODEV, "nodev"},
      {MOUNT_ATTR_NOEXEC, "noexec"},
      {MOUNT_ATTR_RDONLY, "ro"},
      {MOUNT_ATTR_NODIRATIME, "nodiratime"}};
  for (const auto& [flag, word] : kFlags) {
    if ((attributes & flag) != 0) out.emplace_back(word);
  }
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME) out.emplace_back("noatime");
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) out.emplace_back("strictatime");
  return out;
}

const char* PropagationOption(spec::Propagation propagation) {
  switch (propagation) {
    case spec::Propagation::kSlave:
      return "rslave";
    case spec::Propagation::kShared:
      return "rshared";
    case spec::Propagation::kPrivate:
      break;
  }
  return "rprivate";
}

void PutMount(JsonText& json, const Mount& item) {
  std::string type, source;
  std::vector<std::string> options = AttributeOptions(item.attributes);
  for (const std::string_view option : base::Split(item.options, ',')) {
    if (!option.empty()) options.emplace_back(option);
  }
  switch (item.kind) {
    case Mount::Kind::kBind:
      // Attributes of the mounts below it were set on the source itself, before it came there.
      type = "bind";
      source = VolumePlace(item.source_fd);
      options.emplace_back("rbind");
      options.emplace_back(PropagationOption(item.propagation));
      break;
    case Mount::Kind::kPodShm:
      type = "bind";
      source = kShm;
      options.emplace_back("bind");
      break;
    case Mount::Kind::kTmpfs:
      type = source = "tmpfs";
      break;
    case Mount::Kind::kProc:
      type = source = "proc";
      break;
    case Mount::Kind::kSysfs:
      type = source = "sysfs";
      break;
    case Mount::Kind::kDevpts:
      type = source = "devpts";
      break;
    case Mount::Kind::kMqueue:
      type = source = "mqueue";
      break;
    case Mount::Kind::kCgroup:
      type = source = "cgroup";
      break;
    case Mount::Kind::kOther:
      type = item.further.type;
      source = item.further.source;
      break;
  }
  json.Open('{').Key("destination").String(item.destination).Key("type").String(type);
  json.Key("source").String(source).Key("options").Strings(options).Close('}');
}

void PutNamespaces(JsonText& json, const spec::ContainerSpec& spec, const Facts& facts) {
  json.Key("namespaces").Open('[').Open('{').Key("type").String("mount").Close('}');
  const auto join = [&json](const char* type) {
    json.Open('{').Key("type").String(type);
    json.Key("path").String(NamespacePlace(type)).Close('}');
  };
  if (facts.network && !spec.host_network) join("network");
  if (facts.ipc && !spec.host_ipc) join("ipc");
  if (facts.uts) join("uts");
  if (facts.user) join("user");
  if (spec.pid_mode == spec::PidMode::kOwn) {
    json.Open('{').Key("type").String("pid").Close('}');
  } else if (spec.pid_mode != spec::PidMode::kHost && facts.pid) {
    join("pid");
  }
  if (spec.own_cgroup_namespace) json.Open('{').Key("type").String("cgroup").Close('}');
  json.Close(']');
  if (!facts.user) return;
  for (const auto& [name, first] :
       {std::pair("uidMappings", facts.users.uid), std::pair("gidMappings", facts.users.gid)}) {
    json.Key(name).Open('[').Open('{').Key("containerID").Number(0);
    json.Key("hostID").Number(first).Key("size").Number(facts.users.size).Close('}').Close(']');
  }
}

// Every runtime makes these by itself.
bool IsStandardDevice(const std::string& path) {
  static constexpr std::string_view kStandard[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                                   "/dev/random", "/dev/urandom", "/dev/tty",
                                                   "/dev/ptmx",   "/dev/console"};
  return std::find(std::begin(kStandard), std::end(kStandard), path) != std::end(kStandard);
}

void PutDevices(JsonText& json, const spec::ContainerSpec& spec) {
  json.Key("devices").Open('[');
  for (const spec::Device& device : spec.devices) {
    if (IsStandardDevice(device.path)) continue;
    json.Open('{').Key("path").String(device.path);
    json.Key("type").String(S_ISBLK(device.mode) ? "b" : "c");
    json.Key("major").Number(device.major).Key("minor").Number(device.minor);
    json.Key("fileMode").Number(device.mode & 07777);
    json.Key("uid").Number(device.uid).Key("gid").Number(device.gid).Close('}');
  }
  json.Close(']');
  json.Key("resources").Open('{').Key("devices").Open('[');
  for (const spec::DeviceRule& rule : spec.other.device_rules) {
    json.Open('{').Key("allow").Bool(rule.allow);
    if (rule.type != 'a') json.Key("type").String(std::string(1, rule.type));
    if (rule.major >= 0) json.Key("major").Number(rule.major);
    if (rule.minor >= 0) json.Key("minor").Number(rule.minor);
    json.Key("access").String(rule.access).Close('}');
  }
  json.Close(']').Close('}');
}

// Of the root, while mounts are made: a volume that shares its mounts with the host, or receives
// them, is cut off by less.
const char* RootPropagation(const spec::ContainerSpec& spec) {
  const auto any = [&spec](spec::Propagation wanted) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [wanted](const Mount& mount) { return mount.propagation == wanted; });
  };
  if (any(spec::Propagation::kShared)) return "rshared";
  return any(spec::Propagation::kSlave) ? "rslave" : "rprivate";
}

}  // namespace

std::string VolumePlace(uint32_t source_fd) {
  return std::string(kRoom) + "/volumes/" + std::to_string(source_fd);
}

std::string NamespacePlace(const std::string& name) { return std::string(kRoom) + "/ns/" + name; }

std::string Configuration(const spec::ContainerSpec& spec, const Facts& facts) {
  JsonText json;
  json.Open('{').Key("ociVersion").String("1.0.2").Key("process");
  PutProcess(json, spec.process, facts.lowest_oom_score);
  if (facts.uts && !spec.other.hostname.empty()) json.Key("hostname").String(spec.other.hostname);
  json.Key("root").Open('{').Key("path").String(kRootfs);
  json.Key("readonly").Bool(spec.read_only_root).Close('}');
  json.Key("mounts").Open('[');
  for (const Mount& item : spec.mounts) PutMount(json, item);
  json.Close(']');
  json.Key("annotations").Open('{');
  for (const auto& [name, value] : spec.other.annotations) json.Key(name).String(value);
  json.Close('}');
  json.Key("linux").Open('{').Key("cgroupsPath").String(spec.other.cgroup_path);
  PutNamespaces(json, spec, facts);
  PutDevices(json, spec);
  if (!spec.other.seccomp.empty()) json.Key("seccomp").Raw(spec.other.seccomp);
  json.Key("rootfsPropagation").String(RootPropagation(spec));
  if (!spec.mount_label.empty()) json.Key("mountLabel").String(spec.mount_label);
  json.Key("maskedPaths").Strings(spec.masked_paths);
  json.Key("readonlyPaths").Strings(spec.read_only_paths);
  json.Close('}').Close('}');
  return json.Take();
}

std::string ProcessConfiguration(const spec::Process& process, int32_t lowest_oom_score) {
  JsonText json;
  PutProcess(json, process, lowest_oom_score);
  return json.Take();
}

}  // namespace keelson::oci
