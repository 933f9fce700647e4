// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/pressure.h"

#include <sys/statvfs.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::node {
namespace {

int64_t Number(std::string_view text) {
  const auto number = base::ParseUint64(base::Trim(text));
  return number ? static_cast<int64_t>(*number) : -1;
}

// "MemAvailable:   123 kB"
int64_t MemoryAvailable() {
  const std::string text = os::ReadFile("/proc/meminfo").ValueOr("");
  for (std::string_view line : base::Split(text, '\n')) {
    constexpr std::string_view kKey = "MemAvailable:", kUnit = " kB";
    if (!line.starts_with(kKey) || !line.ends_with(kUnit)) continue;
    line.remove_prefix(kKey.size());
    line.remove_suffix(kUnit.size());
    const int64_t kilobytes = Number(line);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
  }
  return -1;
}

// "0.1 0.2 0.3 2/345 6789": threads that there are
int64_t Threads() {
  const std::string text = os::ReadFile("/proc/loadavg").ValueOr("");
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return -1;
  return Number(std::string_view(text).substr(slash + 1, text.find(' ', slash) - slash - 1));
}

}  // namespace

Pressure PressureOf(const Supply& supply, const PressureLimits& limits) {
  Pressure pressure;
  pressure.memory = supply.memory_bytes >= 0 && supply.memory_bytes < limits.memory_bytes;
  pressure.disk = supply.disk_bytes >= 0 && supply.disk_bytes < limits.disk_bytes;
  pressure.pid = supply.pids >= 0 && supply.pids_at_most > 0 &&
                 static_cast<double>(supply.pids_at_most - supply.pids) <
                     limits.pid_share * static_cast<double>(supply.pids_at_most);
  return pressure;
}

Supply LookAtSupply(const std::string& root_dir) {
  Supply supply;
  supply.memory_bytes = MemoryAvailable();
  struct statvfs disk{};
  if (statvfs(root_dir.c_str(), &disk) == 0)
    supply.disk_bytes = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  supply.pids = Threads();
  supply.pids_at_most = Number(os::ReadFile("/proc/sys/kernel/pid_max").ValueOr(""));
  return supply;
}

}  // namespace keelson::node
