// SPDX-License-Identifier: Apache-2.0
// A file compressed into another as one gzip member, in pieces: memory does not grow with the file.
// Blocks, any thread.
#pragma once

#include "lib/base/result.h"

namespace keelson::log_rotation {

base::Status Gzip(int from_fd, int to_fd);

}  // namespace keelson::log_rotation
