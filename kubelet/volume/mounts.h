// SPDX-License-Identifier: Apache-2.0
// Mounts below a pod's directory: small file systems in memory, and taking away whatever is mounted
// there. Acts on the caller's mount namespace. Blocking, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::volume {

// Whether something is mounted exactly there; a missing path is not a mount.
bool IsMountPoint(const std::string& path);

struct MemoryOptions {
  uint64_t bytes = 0;  // 0: the kernel's default, half of the memory
  bool swap = true;    // false where the kernel can (6.4 on): secrets stay out of swap
};
// Mode 1777, as upstream's.
base::Status MountMemory(const std::string& directory, const MemoryOptions& options);
base::Status MountHugePages(const std::string& directory, uint64_t page_bytes, uint64_t bytes);

// Mount points below `directory` (not it), in the order of the table (a later one may lie on an
// earlier). `directory` is canonical.
std::vector<std::string> MountsBelow(std::string_view mountinfo, std::string_view directory);
// Unmounts all of them, the last first; no link below `directory` is followed. The error names what
// is busy.
base::Status UnmountBelow(const std::string& directory);

}  // namespace keelson::volume
