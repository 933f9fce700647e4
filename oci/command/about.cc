// SPDX-License-Identifier: Apache-2.0
// spec, features.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "lib/json/value.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/os/files.h"
#include "oci/command/command.h"
#include "oci/plan/mount_options.h"
#include "oci/plan/plan.h"

namespace keelson::oci {

using base::Result;
using json::Value;

namespace {

Value Strings(const std::vector<std::string>& items) {
  Value out = Value::Array();
  for (const std::string& item : items) out.Append(Value(item));
  return out;
}

Value Mount(const char* destination, const char* type, const char* source,
            const std::vector<std::string>& options) {
  Value out = Value::Object();
  out.Set("destination", Value(destination));
  out.Set("type", Value(type));
  out.Set("source", Value(source));
  if (!options.empty()) out.Set("options", Strings(options));
  return out;
}

Value DefaultMounts(bool rootless) {
  Value out = Value::Array();
  out.Append(Mount("/proc", "proc", "proc", {}));
  out.Append(Mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  std::vector<std::string> pts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  if (!rootless) pts.emplace_back("gid=5");
  out.Append(Mount("/dev/pts", "devpts", "devpts", pts));
  out.Append(
      Mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
  out.Append(Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  if (rootless) {
    out.Append(Mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}));
  } else {
    out.Append(Mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
  }
  out.Append(
      Mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}));
  return out;
}

Value IdMap(uint32_t host) {
  Value one = Value::Object();
  one.Set("containerID", Value(0));
  one.Set("hostID", Value(static_cast<int64_t>(host)));
  one.Set("size", Value(1));
  return Value::Array({one});
}

Value DefaultConfig(bool rootless) {
  Value process = Value::Object(), user = Value::Object(), caps = Value::Object();
  user.Set("uid", Value(0));
  user.Set("gid", Value(0));
  for (const char* set : {"bounding", "effective", "permitted"})
    caps.Set(set, Strings({"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}));
  Value limit = Value::Object();
  limit.Set("type", Value("RLIMIT_NOFILE"));
  limit.Set("hard", Value(1024));
  limit.Set("soft", Value(1024));
  process.Set("terminal", Value(true));
  process.Set("user", std::move(user));
  process.Set("args", Strings({"sh"}));
  process.Set("env", Strings({"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                              "TERM=xterm"}));
  process.Set("cwd", Value("/"));
  process.Set("capabilities", std::move(caps));
  process.Set("rlimits", Value::Array({limit}));
  process.Set("noNewPrivileges", Value(true));
  Value root = Value::Object(), system = Value::Object(), namespaces = Value::Array();
  root.Set("path", Value("rootfs"));
  root.Set("readonly", Value(true));
  std::vector<const char*> types = {"pid", "ipc", "uts", "mount"};
  // On v1 the groups are shown as mounts of a namespace that others expect to be the host's.
  if (os::Exists("/sys/fs/cgroup/cgroup.controllers")) types.push_back("cgroup");
  types.push_back(rootless ? "user" : "network");
  for (const char* type : types) {
    Value entry = Value::Object();
    entry.Set("type", Value(type));
    namespaces.Append(std::move(entry));
  }
  if (rootless) {
    system.Set("uidMappings", IdMap(geteuid()));
    system.Set("gidMappings", IdMap(getegid()));
  } else {
    Value rule = Value::Object(), resources = Value::Object();
    rule.Set("allow", Value(false));
    rule.Set("access", Value("rwm"));
    resources.Set("devices", Value::Array({rule}));
    system.Set("resources", std::move(resources));
  }
  system.Set("namespaces", std::move(namespaces));
  system.Set("maskedPaths", Strings({"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                                     "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                                     "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}));
  system.Set("readonlyPaths",
             Strings({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}));
  Value out = Value::Object();
  out.Set("ociVersion", Value("1.2.0"));
  out.Set("process", std::move(process));
  out.Set("root", std::move(root));
  out.Set("hostname", Value("keelson"));
  out.Set("mounts", DefaultMounts(rootless));
  out.Set("linux", std::move(system));
  return out;
}

Value Enabled(bool enabled) {
  Value out = Value::Object();
  out.Set("enabled", Value(enabled));
  return out;
}

Value SeccompFeatures() {
  Value out = Enabled(true);
  out.Set("actions",
          Strings({"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                   "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRAP"}));
  out.Set("operators", Strings({"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE",
                                "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"}));
#if defined(__x86_64__)
  out.Set("archs", Strings({"SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"}));
#else
  out.Set("archs", Strings({"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}));
#endif
  const std::vector<std::string> flags = {
      "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  out.Set("knownFlags", Strings(flags));
  out.Set("supportedFlags", Strings(flags));
  return out;
}

}  // namespace

Outcome RunSpec(const Global&, const Arguments& arguments) {
  const std::string path = arguments.Get("bundle", ".") + "/config.json";
  if (os::Exists(path)) return base::AlreadyExists("file {} exists: remove it first", path);
  const std::string text = json::WriteJson(DefaultConfig(arguments.Is("rootless")), true) + "\n";
  RETURN_IF_ERROR(os::WriteFileAtomic(path, text, 0644));
  return 0;
}

Outcome RunFeatures(const Global&, const Arguments&) {
  Value out = Value::Object(), system = Value::Object(), cgroups = Enabled(true);
  cgroups.Erase("enabled");
  for (const char* name : {"v1", "v2", "systemd"}) cgroups.Set(name, Value(true));
  cgroups.Set("systemdUser", Value(false));
  cgroups.Set("rdma", Value(true));
  std::vector<std::string> capabilities;
  const uint64_t all = capabilities::AllOfThisKernel();
  for (int bit = 0; bit < 64; ++bit) {
    if ((all >> bit & 1) != 0) capabilities.push_back(capabilities::NameOf(bit));
  }
  Value extensions = Value::Object();
  extensions.Set("idmap", Enabled(true));
  system.Set("namespaces",
             Strings({"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}));
  system.Set("capabilities", Strings(capabilities));
  system.Set("cgroup", std::move(cgroups));
  system.Set("seccomp", SeccompFeatures());
  system.Set("apparmor", Enabled(true));
  system.Set("selinux", Enabled(true));
  Value rdt = Enabled(false), policy = Value::Object(), modes = Value::Array();
  rdt.Set("schemata", Value(false));
  rdt.Set("monitoring", Value(false));
  system.Set("intelRdt", std::move(rdt));
  for (const MemoryPolicyWord& word : kMemoryPolicyModes)
    modes.Append(Value(std::string(word.name)));
  policy.Set("modes", std::move(modes));
  Value policy_flags = Value::Array();
  for (const MemoryPolicyWord& word : kMemoryPolicyFlags)
    policy_flags.Append(Value(std::string(word.name)));
  policy.Set("flags", std::move(policy_flags));
  system.Set("memoryPolicy", std::move(policy));
  system.Set("netDevices", Enabled(true));
  system.Set("mountExtensions", std::move(extensions));
  out.Set("ociVersionMin", Value("1.0.0"));
  out.Set("ociVersionMax", Value(kSpecVersion));
  out.Set("hooks", Strings({"prestart", "createRuntime", "createContainer", "startContainer",
                            "poststart", "poststop"}));
  out.Set("mountOptions", Strings(KnownMountOptions()));
  out.Set("linux", std::move(system));
  Value annotations = Value::Object();
  annotations.Set("org.keelson.oci.version", Value(KEELSON_VERSION));
  out.Set("annotations", std::move(annotations));
  out.Set("potentiallyUnsafeConfigAnnotations", Value::Array());
  std::printf("%s\n", json::WriteJson(out, true).c_str());
  return 0;
}

}  // namespace keelson::oci
