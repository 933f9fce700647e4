// SPDX-License-Identifier: Apache-2.0
// Processes that run already, found by their exact command line in /proc. Blocking, any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "supervise/protocol/protocol.h"

namespace keelson::supervise {

struct Found {
  pid_t pid = 0;
  uint64_t start_ticks = 0;
};
// All with the words of that process, the oldest first.
std::vector<Found> FindAll(const Process& process);
// Ends whatever FindAll finds: SIGTERM, SIGKILL after `patience`. For processes that nobody watches
// any more.
base::Status EndAll(const Process& process, std::chrono::seconds patience);
// By name. Of several with the same words the oldest: the others are on their way to becoming
// something else (between fork and exec).
std::map<std::string, Found> FindRunning(const Layout& layout);

// Returns when no process of the last minute is on its way to its program any more, at the latest
// after ten seconds: what was just begun has its own words only when the kernel has read it. They
// are none before, or, before its exec, those of who began it, which are this process's too.
void AwaitBegun();

// Wall nanoseconds of that many ticks after the machine's start.
int64_t WallOfTicks(uint64_t ticks, int64_t wall_now);

}  // namespace keelson::supervise
