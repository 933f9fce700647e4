// SPDX-License-Identifier: Apache-2.0
// A host path, to be mounted in a container, as a detached copy of what is mounted there. The path
// may lie on a filesystem that does not answer (a dead FUSE or NFS server): what the kernel has in
// its cache is opened at once; anything else is opened by a process of its own, which is killed
// when it takes too long or nobody wants it any more, so that no thread of the daemon ever hangs
// in a filesystem. Any thread; blocks up to the patience. Source: openat2(2), RESOLVE_CACHED;
// open_tree(2).
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::volume {

struct Opener {
  std::string program;  // keelson-volume
  std::chrono::milliseconds patience{60000};
};

base::Result<os::UniqueFd> OpenSource(const Opener& opener, const std::string& path,
                                      const std::stop_token& stop = {});

}  // namespace keelson::volume
