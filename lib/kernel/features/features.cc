// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/features/features.h"

#include <linux/capability.h>

#include <charconv>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::features {
namespace {

enum Weight { kRequired, kUsed, kUnused };

class Report {
 public:
  explicit Report(const Machine& machine) : machine_(machine) {}

  void Add(std::string name, bool present, Weight weight, std::string why) {
    out_.push_back(
        {std::move(name), present, weight == kRequired, weight != kUnused, std::move(why)});
  }
  // `without`: what happens when it is missing.
  void AddTrial(std::string name, Trial trial, Weight weight, const std::string& without) {
    const int error = machine_.Try(trial);
    Add(std::move(name), error == 0, weight,
        error == 0 ? "works" : std::string(strerrordesc_np(error)) + ": " + without);
  }
  std::vector<Feature> Take() { return std::move(out_); }

 private:
  const Machine& machine_;
  std::vector<Feature> out_;
};

std::string Trimmed(const std::optional<std::string>& text) {
  return text ? std::string(base::Trim(*text)) : "";
}

void AddCgroups(Report& report, const Machine& machine) {
  const base::Result<cgroup::Layout> layout =
      cgroup::ParseLayout(machine.Read("/proc/self/mountinfo").value_or(""));
  if (!layout.ok()) return report.Add("cgroup", false, kRequired, layout.error().message());
  std::vector<std::string> have;
  if (layout->v2) {
    const std::string text = Trimmed(machine.Read(layout->unified + "/cgroup.controllers"));
    for (const std::string_view name : base::Split(text, ' ')) have.emplace_back(name);
  } else {
    for (const auto& [name, mount_point] : layout->hierarchies) have.push_back(name);
  }
  const std::string kind = layout->v2                ? "v2"
                           : layout->unified.empty() ? "v1"
                                                     : "v1 with a unified tree beside";
  report.Add("cgroup", true, kRequired, kind + ": " + base::Join(have, " "));
  for (const char* controller : {"cpu", "cpuset", "memory", "pids"}) {
    bool found = false;
    for (const std::string& name : have) found = found || name == controller;
    report.Add(std::string("cgroup ") + controller, found, kRequired,
               found ? "limits work" : "limits of this kind are refused");
  }
  const bool unified = !layout->unified.empty();
  const bool kill = unified && machine.Try(Trial::kClone3) == 0 && [&] {
    // 5.14, by number: the file is in no root group.
    const std::string release = Trimmed(machine.Read("/proc/sys/kernel/osrelease"));
    int major = 0;
    int minor = 0;
    const char* end = release.data() + release.size();
    const auto [next, error] = std::from_chars(release.data(), end, major);
    if (error != std::errc() || next == end) return false;
    if (std::from_chars(next + 1, end, minor).ec != std::errc()) return false;
    return major > 5 || (major == 5 && minor >= 14);
  }();
  report.Add("cgroup.kill", kill, kUsed,
             kill ? "a container dies at once" : "processes are signalled one by one");
  if (unified) {
    report.AddTrial("clone3 into a cgroup", Trial::kCloneIntoCgroup, kUsed,
                    "processes join their group after they start");
  } else {
    report.Add("clone3 into a cgroup", false, kUsed,
               "no unified tree: processes join their groups after they start");
  }
}

void AddCapabilities(Report& report, const Machine& machine) {
  uint64_t effective = 0;
  const std::string status = machine.Read("/proc/self/status").value_or("");
  for (const std::string_view line : base::Split(status, '\n')) {
    if (!line.starts_with("CapEff:")) continue;
    const std::string_view hex = base::Trim(line.substr(7));
    std::from_chars(hex.data(), hex.data() + hex.size(), effective, 16);
  }
  const auto has = [&](int bit) { return (effective >> bit & 1) != 0; };
  report.Add("CAP_SYS_ADMIN", has(CAP_SYS_ADMIN), kRequired,
             has(CAP_SYS_ADMIN) ? "namespaces and mounts can be made" : "run as root");
  report.Add("CAP_NET_ADMIN", has(CAP_NET_ADMIN), kRequired,
             has(CAP_NET_ADMIN) ? "pod networks can be made" : "only host network");
  report.Add("CAP_SYS_RESOURCE", has(CAP_SYS_RESOURCE), kUsed,
             has(CAP_SYS_RESOURCE)
                 ? "limits and OOM scores can be raised"
                 : "rlimits and OOM scores that would have to be raised stay as they are");
}

void AddSettings(Report& report, const Machine& machine) {
  const bool pressure = machine.Read("/proc/pressure/memory").has_value();
  report.Add("PSI", pressure, kUnused,
             pressure ? "pressure can be read"
                      : "kernel built or booted without it (psi=1): no pressure figures");
  const bool apparmor = Trimmed(machine.Read("/sys/module/apparmor/parameters/enabled")) == "Y";
  report.Add("AppArmor", apparmor, kUsed,
             apparmor ? "enabled" : "not enabled: pods that ask for a profile by name are refused");
  const std::string enforce = Trimmed(machine.Read("/sys/fs/selinux/enforce"));
  report.Add("SELinux", !enforce.empty(), kUnused,
             enforce == "1"    ? "enforcing"
             : enforce.empty() ? "not enabled"
                               : "permissive");
  const std::string swaps = Trimmed(machine.Read("/proc/swaps"));
  const bool swap = swaps.find('\n') != std::string::npos;
  report.Add("swap", swap, kUnused, swap ? "on: containers may use it up to their limits" : "off");
  const bool forward = Trimmed(machine.Read("/proc/sys/net/ipv4/ip_forward")) == "1";
  report.Add("ip_forward", forward, kUsed,
             forward ? "on" : "off: switched on with the first pod network");
  const bool arguments = machine.Read("/proc/sys/kernel/seccomp/actions_avail").has_value();
  report.Add("seccomp", arguments && machine.Try(Trial::kSeccomp) == 0, kRequired,
             arguments ? Trimmed(machine.Read("/proc/sys/kernel/seccomp/actions_avail"))
                       : "kernel built without CONFIG_SECCOMP_FILTER");
}

void AddFirewalls(Report& report, const Machine& machine) {
  report.AddTrial("nftables", Trial::kNftables, kUsed, "iptables-legacy is used where it is there");
  report.Add("nft command", machine.HasProgram("nft"), kUnused,
             machine.HasProgram("nft") ? "found" : "not installed");
  const bool nft = machine.HasProgram("iptables-nft");
  report.Add("iptables-nft", nft, kUsed, nft ? "found" : "not installed");
  const bool legacy_program = machine.HasProgram("iptables-legacy");
  const int legacy = machine.Try(Trial::kIptablesLegacy);
  report.Add("iptables-legacy", legacy_program && legacy == 0, kUsed,
             !legacy_program ? "not installed"
             : legacy == 0   ? "found, and the kernel has its tables"
                             : "found, but the kernel has no ip_tables");
  report.AddTrial("IPVS", Trial::kIpvs, kUnused, "services in IPVS mode are not possible");
}

// What is tried by doing it, in the order of the report.
constexpr struct {
  const char* name;
  Trial trial;
  Weight weight;
  const char* without;
} kTrials[] = {
    {"pidfd", Trial::kPidfd, kRequired, "a kernel from 5.15 on is needed"},
    {"openat2", Trial::kOpenat2, kRequired, "paths of containers could not be resolved safely"},
    {"fsopen", Trial::kFsopen, kRequired, "a kernel from 5.15 on is needed"},
    {"open_tree", Trial::kOpenTree, kRequired, "volumes could not be handed over"},
    {"mount_setattr", Trial::kMountSetattr, kRequired, "a kernel from 5.15 on is needed"},
    {"idmapped mounts", Trial::kIdmappedMounts, kUnused,
     "pods with user namespaces cannot share volumes"},
    {"overlay", Trial::kOverlay, kRequired,
     "images cannot be layered: load the module (modprobe overlay)"},
    {"overlay lowerdir+", Trial::kLowerdirPlus, kUsed,
     "layers are given as one string of short names"},
    {"user namespaces", Trial::kUserNamespace, kUnused, "pods with hostUsers: false are refused"},
    {"network namespaces", Trial::kNetNamespace, kRequired,
     "only pods on the host's network can run"},
    {"bridge", Trial::kBridge, kRequired, "no pod network: load the module (modprobe bridge)"},
    {"veth", Trial::kVeth, kRequired, "no pod network: load the module (modprobe veth)"},
};

}  // namespace

std::vector<Feature> Judge(const Machine& machine) {
  Report report(machine);
  AddCgroups(report, machine);
  for (const auto& [name, trial, weight, without] : kTrials)
    report.AddTrial(name, trial, weight, without);
  AddFirewalls(report, machine);
  AddCapabilities(report, machine);
  AddSettings(report, machine);
  return report.Take();
}

}  // namespace keelson::features
