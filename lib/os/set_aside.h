// SPDX-License-Identifier: Apache-2.0
// What lies where a record of ours should be and cannot be used: it goes to PATH.bad, for a person
// to look at, so that another can be written in its place. For the owner of the record, who tells
// file and reason. Blocks on the disk, any thread; errors name the path.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::os {

inline std::string AsidePath(const std::string& path) { return path + ".bad"; }

// Whatever it is, a folder too; what was put aside before it goes. Absent is success.
base::Status SetAside(const std::string& path);

}  // namespace keelson::os
