// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "cli/images.h"
#include "cli/table.h"
#include "lib/json/value.h"

namespace keelson::cli {

using features::Feature;

namespace {

constexpr std::pair kOldestKernel{5, 15};
constexpr uint64_t kLeastBytes = 256u << 20;  // no room for an image worth the name

const char* Word(Grade grade) {
  switch (grade) {
    case Grade::kOk:
      return "OK";
    case Grade::kAbsent:
      return "-";
    case Grade::kWarn:
      return "WARN";
    case Grade::kFail:
      return "FAIL";
  }
  return "";
}

Finding JudgeKernel(const std::string& release) {
  std::pair<int, int> version;
  const char* end = release.data() + release.size();
  const auto [next, error] = std::from_chars(release.data(), end, version.first);
  if (error == std::errc() && next != end) std::from_chars(next + 1, end, version.second);
  if (version < kOldestKernel)
    return {Grade::kWarn, "kernel", release + ": Keelson is made for 5.15 and later"};
  return {Grade::kOk, "kernel", release};
}

// What the features' own words do not say: how to get it.
std::string Advice(const Feature& feature) {
  static const std::map<std::string, const char*> advice = {
      {"cgroup", "mount cgroup2 on /sys/fs/cgroup"},
      {"cgroup cpu", "switch the controller on: boot without cgroup_disable=cpu"},
      {"cgroup cpuset", "switch the controller on: boot without cgroup_disable=cpuset"},
      {"cgroup memory", "switch the controller on: boot with cgroup_enable=memory"},
      {"cgroup pids", "switch the controller on: boot without cgroup_disable=pids"},
      {"network namespaces", "the kernel needs CONFIG_NET_NS"},
      {"seccomp", "the kernel needs CONFIG_SECCOMP_FILTER"},
  };
  const auto found = advice.find(feature.name);
  return found == advice.end() ? "" : found->second;
}

Finding JudgeFeature(const Feature& feature) {
  Finding finding{Grade::kOk, feature.name, feature.why};
  if (feature.present) return finding;
  // Keelson switches forwarding on itself, and one firewall is enough: see JudgeFirewall.
  const bool needless = feature.name == "ip_forward" || feature.name == "nftables" ||
                        feature.name.starts_with("iptables");
  finding.grade = feature.required            ? Grade::kFail
                  : feature.used && !needless ? Grade::kWarn
                                              : Grade::kAbsent;
  if (finding.grade == Grade::kAbsent) return finding;
  if (const std::string advice = Advice(feature); !advice.empty()) finding.text += "; " + advice;
  return finding;
}

// Pods are let through the firewall and masqueraded with iptables, in either flavour.
Finding JudgeFirewall(const std::vector<Feature>& features) {
  const auto has = [&features](const char* name) {
    return std::any_of(features.begin(), features.end(),
                       [name](const Feature& f) { return f.name == name && f.present; });
  };
  if (has("iptables-nft") && has("nftables")) return {Grade::kOk, "firewall", "iptables-nft"};
  if (has("iptables-legacy")) return {Grade::kOk, "firewall", "iptables-legacy"};
  if (has("iptables-nft"))
    return {Grade::kFail, "firewall",
            "iptables-nft is there, but the kernel has no nftables: modprobe nf_tables"};
  return {Grade::kFail, "firewall", "no iptables: pods get no network; apt-get install iptables"};
}

Finding JudgeDisk(const DiskSpace& disk) {
  const auto percent = [](uint64_t part, uint64_t whole) {
    return whole == 0
               ? 100
               : static_cast<int>(100.0 * static_cast<double>(part) / static_cast<double>(whole));
  };
  const int bytes = percent(disk.free_bytes, disk.total_bytes),
            inodes = percent(disk.free_inodes, disk.total_inodes);
  Finding finding{Grade::kOk, "disk",
                  disk.path + ": " + FormatBytes(disk.free_bytes) + " of " +
                      FormatBytes(disk.total_bytes) + " free (" + std::to_string(bytes) + "%)"};
  if (disk.total_inodes > 0) finding.text += ", " + std::to_string(inodes) + "% of the inodes";
  if (disk.free_bytes < std::min(kLeastBytes, disk.total_bytes / 20) ||
      (disk.total_inodes > 0 && inodes == 0)) {
    finding.grade = Grade::kFail;
    finding.text += ": full; make room (keelson images, keelson rmi)";
  } else if (bytes < 15 || inodes < 5) {
    // The kubelets' usual limits for images and for the node's inodes.
    finding.grade = Grade::kWarn;
    finding.text +=
        ": a kubelet begins to evict pods here; make room (keelson images, keelson rmi)";
  }
  return finding;
}

Finding JudgeDaemon(const Daemon& daemon) {
  if (!daemon.has_socket) {
    return {Grade::kWarn, daemon.program,
            "does not run: there is no socket '" + daemon.socket +
                "'; start it with scripts/up or as a service"};
  }
  if (daemon.error) return {Grade::kFail, daemon.program, *daemon.error};
  return {Grade::kOk, daemon.program, daemon.answer};
}

}  // namespace

std::vector<Finding> Diagnose(const MachineFacts& facts) {
  std::vector<Finding> findings;
  findings.push_back(JudgeKernel(facts.kernel_release));
  for (const Feature& feature : facts.features) findings.push_back(JudgeFeature(feature));
  findings.push_back(JudgeFirewall(facts.features));
  for (const DiskSpace& disk : facts.disks) findings.push_back(JudgeDisk(disk));
  for (const Daemon& daemon : facts.daemons) findings.push_back(JudgeDaemon(daemon));
  if (facts.root) return findings;
  // What an ordinary user may not try says nothing of the machine.
  for (Finding& finding : findings) {
    if (finding.grade != Grade::kFail || finding.name == "disk") continue;
    finding.grade = Grade::kWarn;
    finding.text = "may be there, root alone can tell: " + finding.text;
  }
  findings.insert(findings.begin(), {Grade::kFail, "user", "not root: run this as root"});
  return findings;
}

std::string FindingsText(const std::vector<Finding>& findings) {
  Table table({"", "CHECK", "FOUND"});
  std::map<Grade, int> count;
  for (const Finding& finding : findings) {
    table.Add({Word(finding.grade), finding.name, finding.text});
    ++count[finding.grade];
  }
  const auto of = [&count](Grade grade) {
    return std::to_string(count[grade]) + " " + Word(grade);
  };
  return table.Text() + of(Grade::kOk) + ", " + of(Grade::kWarn) + ", " + of(Grade::kFail) +
         "; - is not there and not needed\n";
}

std::string FindingsJson(const std::vector<Finding>& findings) {
  json::Value list = json::Value::Array();
  for (const Finding& finding : findings) {
    const char* grade = finding.grade == Grade::kAbsent ? "ABSENT" : Word(finding.grade);
    list.Append(json::Value::Object({{"grade", json::Value(grade)},
                                     {"check", json::Value(finding.name)},
                                     {"found", json::Value(finding.text)}}));
  }
  return json::WriteJson(json::Value::Object({{"findings", std::move(list)}}), true) + "\n";
}

}  // namespace keelson::cli
