// SPDX-License-Identifier: Apache-2.0
// inflate ‖ hash ‖ unpack: one thread decompresses into a few bounded blocks, one hashes them, the
// caller's extracts. The stream is read to its end also after the archive's end, so that whoever
// feeds it can finish and the whole is hashed.
#pragma once

#include "lib/os/rooted_dir.h"
#include "runtime/unpack/report.h"

namespace keelson::unpack {

base::Result<Report> UnpackStream(int compressed_fd, const os::RootedDir& directory,
                                  const Budget& budget);

}  // namespace keelson::unpack
