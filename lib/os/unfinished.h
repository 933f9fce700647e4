// SPDX-License-Identifier: Apache-2.0
// What a WriteFileAtomic() that was cut off by the process's end left: NAME.new-<12 hex digits>.
// For whoever owns a directory that stays, when it opens it. Blocks on the disk, any thread.
#pragma once

#include <string>

namespace keelson::os {

void RemoveUnfinished(const std::string& directory);

}  // namespace keelson::os
