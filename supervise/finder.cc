// SPDX-License-Identifier: Apache-2.0
#include "supervise/finder.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::supervise {
namespace {

// One that has ended and is not yet waited for has no command line any more.
std::string CommandLine(std::string_view pid) {
  return os::ReadFile("/proc/" + std::string(pid) + "/cmdline", 1 << 20).ValueOr("");
}

}  // namespace

std::map<std::string, Found> FindRunning(const Layout& layout) {
  std::map<std::string, std::string> names;  // by command line
  for (const Process& process : layout.processes) {
    std::string words;
    for (const std::string& word : process.argv) words += word + '\0';
    names[std::move(words)] = process.name;
  }
  std::map<std::string, Found> out;
  const auto entries = os::ListDir("/proc");
  if (!entries.ok()) return out;
  for (const os::DirEntry& entry : *entries) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid) continue;
    const auto name = names.find(CommandLine(entry.name));
    if (name == names.end()) continue;
    const auto ticks = os::StartTimeOf(static_cast<pid_t>(*pid));
    if (!ticks.ok()) continue;
    Found& best = out[name->second];
    if (best.pid == 0 || *ticks < best.start_ticks) best = {static_cast<pid_t>(*pid), *ticks};
  }
  return out;
}

int64_t WallOfTicks(uint64_t ticks, int64_t wall_now) {
  timespec up{};
  (void)clock_gettime(CLOCK_BOOTTIME, &up);
  const int64_t up_nanos = up.tv_sec * 1'000'000'000 + up.tv_nsec;
  const int64_t per_second = std::max<int64_t>(1, sysconf(_SC_CLK_TCK));
  return wall_now - up_nanos + static_cast<int64_t>(ticks) * (1'000'000'000 / per_second);
}

}  // namespace keelson::supervise
