// SPDX-License-Identifier: Apache-2.0
// How much a folder holds, as du(1) counts: blocks and inodes, hard links once, never through a
// symlink or into another file system. Whoever fills it may change it meanwhile. Blocks; any
// thread.
#pragma once

#include <string>

#include "kubelet/eviction/victims.h"
#include "lib/base/result.h"

namespace keelson::lifecycle {

// Nothing where there is no such folder.
base::Result<eviction::DiskUse> DiskUseOf(const std::string& folder);

}  // namespace keelson::lifecycle
