// SPDX-License-Identifier: Apache-2.0
// Pipes, memory files, event counters: the small descriptors. All close-on-exec. Any thread.
#pragma once

#include <string_view>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
base::Result<Pipe> CreatePipe(int extra_flags = 0);  // e.g. O_NONBLOCK

// A memfd holding `content`, sealed against any change, offset 0. For programs and specs handed to
// another process.
base::Result<UniqueFd> CreateSealedMemfd(const char* name, std::string_view content);
// With the first `size` bytes of a regular file, which pass through nobody's memory.
base::Result<UniqueFd> CreateSealedCopy(const char* name, int from, size_t size);

base::Status SetNonBlocking(int fd, bool on);

}  // namespace keelson::os
