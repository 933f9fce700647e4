// SPDX-License-Identifier: Apache-2.0
// The jail of the unpack process: its root is the layer directory (mounted nodev, noexec, nosuid),
// there is no network, no other file, no new right, and a short list of system calls. Called once,
// while there is one thread; nothing leads out again. Sources: pivot_root(2), unshare(2),
// seccomp(2), capabilities(7).
#pragma once

#include <cstdint>

#include "lib/base/result.h"

namespace keelson::unpack {

struct JailLimits {
  uint64_t max_file_bytes = 0;
  uint64_t cpu_seconds = 0;
};
base::Status EnterJail(int directory, const JailLimits& limits);

}  // namespace keelson::unpack
