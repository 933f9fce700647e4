// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::cgroup {

base::Result<Layout> ParseLayout(std::string_view mountinfo) {
  Layout layout;
  for (const std::string_view line : base::Split(mountinfo, '\n')) {
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = base::Split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> right = base::Split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    // A bind of some group elsewhere is not the tree itself.
    if (left[3] != "/") continue;
    const std::string mount_point(left[4]);
    if (right[0] == "cgroup2") {
      if (layout.unified.empty() || mount_point == "/sys/fs/cgroup") layout.unified = mount_point;
    } else if (right[0] == "cgroup") {
      for (const std::string_view option : base::Split(right[2], ',')) {
        if (option == "rw" || option == "ro" || option == "xattr" || option == "clone_children" ||
            option == "noprefix" || option.starts_with("release_agent=") ||
            option.starts_with("seclabel")) {
          continue;
        }
        const std::string name(option.starts_with("name=") ? option.substr(5) : option);
        layout.hierarchies.emplace(name, mount_point);
      }
    }
  }
  layout.v2 = layout.hierarchies.empty() || !layout.hierarchies.contains("memory");
  if (layout.v2 && layout.unified.empty()) {
    return base::FailedPrecondition(
        "no cgroup hierarchy is mounted: mount cgroup2 on /sys/fs/cgroup");
  }
  if (layout.v2) layout.hierarchies.clear();
  return layout;
}

uint64_t SharesToWeight(int64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double log = std::log2(static_cast<double>(shares));
  const double exponent = log * (log + 125) / 612 - 7.0 / 34;
  // The little that is taken off keeps floating point from lifting an exact 100 to 101.
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent) - 1e-6));
}

namespace {

std::string DeviceText(const DeviceRule& rule) {
  const auto number = [](const std::optional<uint32_t>& n) {
    return n ? std::to_string(*n) : std::string("*");
  };
  if (rule.type == 'a') return "a";
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " +
         rule.access;
}

std::string LimitText(int64_t value) { return value < 0 ? "max" : std::to_string(value); }

}  // namespace

std::vector<Write> PlanV1(const Resources& r) {
  std::vector<Write> writes;
  if (r.cpu_shares != 0) writes.push_back({"cpu", "cpu.shares", std::to_string(r.cpu_shares)});
  // The period first: a quota is checked against it.
  if (r.cpu_period != 0)
    writes.push_back(
        {"cpu", "cpu.cfs_period_us", std::to_string(r.cpu_period), false, r.cpu_quota != 0});
  if (r.cpu_quota != 0) writes.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(r.cpu_quota)});
  if (!r.cpuset_cpus.empty()) writes.push_back({"cpuset", "cpuset.cpus", r.cpuset_cpus});
  if (!r.cpuset_mems.empty()) writes.push_back({"cpuset", "cpuset.mems", r.cpuset_mems});
  if (r.memory_limit != 0)
    writes.push_back({"memory", "memory.limit_in_bytes", std::to_string(r.memory_limit), false,
                      r.memory_swap_limit != 0});
  if (r.memory_swap_limit != 0) {
    writes.push_back(
        {"memory", "memory.memsw.limit_in_bytes", std::to_string(r.memory_swap_limit), true});
  }
  if (r.pids_limit != 0) writes.push_back({"pids", "pids.max", LimitText(r.pids_limit)});
  for (const auto& [size, limit] : r.hugepages) {
    writes.push_back(
        {"hugetlb", "hugetlb." + size + ".limit_in_bytes", std::to_string(limit), limit == 0});
  }
  for (const DeviceRule& rule : r.devices) {
    writes.push_back({"devices", rule.allow ? "devices.allow" : "devices.deny", DeviceText(rule),
                      rule.allow && rule.type == 'a'});
  }
  writes.insert(writes.end(), r.further.begin(), r.further.end());
  return writes;
}

std::vector<Write> PlanV2(const Resources& r) {
  std::vector<Write> writes;
  if (r.cpu_shares != 0)
    writes.push_back({"", "cpu.weight", std::to_string(SharesToWeight(r.cpu_shares))});
  if (r.cpu_quota != 0 || r.cpu_period != 0) {
    // Without a period the kernel keeps the one it has.
    const std::string period = r.cpu_period != 0 ? " " + std::to_string(r.cpu_period) : "";
    writes.push_back(
        {"", "cpu.max", (r.cpu_quota > 0 ? std::to_string(r.cpu_quota) : "max") + period});
  }
  if (!r.cpuset_cpus.empty()) writes.push_back({"", "cpuset.cpus", r.cpuset_cpus});
  if (!r.cpuset_mems.empty()) writes.push_back({"", "cpuset.mems", r.cpuset_mems});
  if (r.memory_limit != 0) writes.push_back({"", "memory.max", LimitText(r.memory_limit)});
  if (r.memory_swap_limit != 0) {
    // v2 counts swap alone.
    const bool unlimited = r.memory_swap_limit < 0 || r.memory_limit < 0;
    const int64_t swap =
        unlimited ? -1 : std::max<int64_t>(0, r.memory_swap_limit - r.memory_limit);
    writes.push_back({"", "memory.swap.max", LimitText(swap), true});
  }
  if (r.memory_limit > 0 && r.oom_group) writes.push_back({"", "memory.oom.group", "1", true});
  if (r.pids_limit != 0) writes.push_back({"", "pids.max", LimitText(r.pids_limit)});
  for (const auto& [size, limit] : r.hugepages) {
    writes.push_back({"", "hugetlb." + size + ".max", LimitText(limit), limit == 0});
  }
  writes.insert(writes.end(), r.further.begin(), r.further.end());
  for (const auto& [file, value] : r.unified) {
    // Limits of several devices: the kernel takes one in a write.
    for (const std::string_view line : base::Split(std::string_view(value), '\n')) {
      if (!line.empty() || value.empty()) writes.push_back({"", file, std::string(line)});
    }
  }
  return writes;
}

}  // namespace keelson::cgroup
