// SPDX-License-Identifier: Apache-2.0
#include "supervise/finder.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::supervise {
namespace {

// One that has ended and is not yet waited for has no command line any more.
std::string CommandLine(std::string_view pid) {
  return os::ReadFile("/proc/" + std::string(pid) + "/cmdline", 1 << 20).ValueOr("");
}

uint64_t TicksPerSecond() {
  return static_cast<uint64_t>(std::max<int64_t>(1, sysconf(_SC_CLK_TCK)));
}

// A process of the last minute that is not yet its own program.
bool IsBeginning(std::string_view pid, const std::string& own_words) {
  constexpr uint64_t kKernelThread = 0x00200000;
  const std::string stat = os::ReadFile("/proc/" + std::string(pid) + "/stat", 65536).ValueOr("");
  const size_t close = stat.rfind(')');
  if (close == std::string::npos) return false;
  const std::vector<std::string_view> fields =
      base::Split(std::string_view(stat).substr(close + 2), ' ');
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return false;
  if ((base::ParseUint64(fields[6]).value_or(0) & kKernelThread) != 0) return false;
  timespec up{};
  (void)clock_gettime(CLOCK_BOOTTIME, &up);
  if (base::ParseUint64(fields[19]).value_or(0) / TicksPerSecond() + 60 <
      static_cast<uint64_t>(up.tv_sec))
    return false;
  const std::string words = CommandLine(pid);
  return words.empty() || words == own_words;
}

}  // namespace

void AwaitBegun() {
  const std::string own_words = CommandLine("self");
  for (int i = 0; i < 1000; ++i) {
    const auto entries = os::ListDir("/proc");
    if (!entries.ok() || std::none_of(entries->begin(), entries->end(), [&](const auto& entry) {
          const auto pid = base::ParseUint64(entry.name);
          return pid && *pid != static_cast<uint64_t>(getpid()) &&
                 IsBeginning(entry.name, own_words);
        }))
      return;
    (void)poll(nullptr, 0, 10);
  }
}

std::vector<Found> FindAll(const Process& process) {
  std::string words;
  for (const std::string& word : process.argv) words += word + '\0';
  std::vector<Found> out;
  const auto entries = os::ListDir("/proc");
  if (!entries.ok()) return out;
  for (const os::DirEntry& entry : *entries) {
    const auto pid = base::ParseUint64(entry.name);
    if (!pid || CommandLine(entry.name) != words) continue;
    const auto ticks = os::StartTimeOf(static_cast<pid_t>(*pid));
    if (ticks.ok()) out.push_back({static_cast<pid_t>(*pid), *ticks});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Found& a, const Found& b) { return a.start_ticks < b.start_ticks; });
  return out;
}

base::Status EndAll(const Process& process, std::chrono::seconds patience) {
  const base::SystemClock clock;
  for (const auto& [signal, time] :
       {std::pair{SIGTERM, patience}, std::pair{SIGKILL, std::chrono::seconds(10)}}) {
    std::vector<os::UniqueFd> ending;
    for (const Found& found : FindAll(process)) {
      auto pidfd = os::OpenPidfd(found.pid);
      const auto ticks = os::StartTimeOf(found.pid);
      if (!pidfd.ok() || !ticks.ok() || *ticks != found.start_ticks) continue;  // it has ended
      (void)os::SignalPidfd(pidfd->get(), signal);  // it may have ended just now
      ending.push_back(*std::move(pidfd));
    }
    const base::SteadyTime deadline = clock.Steady() + time;
    while (!ending.empty()) {
      pollfd item{ending.back().get(), POLLIN, 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.Steady());
      if (left.count() <= 0) break;
      if (poll(&item, 1, static_cast<int>(left.count())) > 0) ending.pop_back();
    }
    if (ending.empty()) return base::Ok();
  }
  return base::DeadlineExceeded("'{}' does not end though it was killed", process.argv.front());
}

std::map<std::string, Found> FindRunning(const Layout& layout) {
  std::map<std::string, Found> out;
  for (const Process& process : layout.processes) {
    const std::vector<Found> found = FindAll(process);
    if (!found.empty()) out[process.name] = found.front();
  }
  return out;
}

int64_t WallOfTicks(uint64_t ticks, int64_t wall_now) {
  timespec up{};
  (void)clock_gettime(CLOCK_BOOTTIME, &up);
  const int64_t up_nanos = up.tv_sec * 1'000'000'000 + up.tv_nsec;
  const auto per_second = static_cast<int64_t>(TicksPerSecond());
  return wall_now - up_nanos + static_cast<int64_t>(ticks) * (1'000'000'000 / per_second);
}

}  // namespace keelson::supervise
