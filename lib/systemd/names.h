// SPDX-License-Identifier: Apache-2.0
// Names of slices and the places in the cgroup tree that systemd gives them: a-b.slice is in
// a.slice is in the root. Pure. Source: systemd.slice(5), systemd.unit(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::systemd {

// "a-b.slice" → "/a.slice/a-b.slice"; "-.slice" → "/". InvalidArgument says what is wrong.
base::Result<std::string> PathOfSlice(std::string_view slice);

// A slice as requests name it: "a-b.slice" or its whole path "/a.slice/a-b.slice". Its name.
base::Result<std::string> SliceOf(std::string_view parent);

// {"kubepods", "burstable", "poda-b"} → "kubepods-burstable-poda_b.slice": the parts' own dashes
// would be further levels.
std::string JoinSlice(const std::vector<std::string>& parts);

// A unit's text properties are UTF-8 without control characters; anything else becomes '?'.
std::string Plain(std::string_view text);

}  // namespace keelson::systemd
