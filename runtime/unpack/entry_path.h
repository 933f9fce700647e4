// SPDX-License-Identifier: Apache-2.0
// Names of archive entries made fit for use below a directory: "./a//b/" and "/a/b" become "a/b",
// the root becomes "". A ".." anywhere, a component over 255 bytes or too many of them are refused.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::unpack {

base::Result<std::string> CleanEntryPath(std::string_view path, uint32_t max_depth);

// "a/b/c" → {"a/b", "c"}; "c" → {"", "c"}.
struct SplitPath {
  std::string dir;
  std::string name;
};
SplitPath SplitEntryPath(const std::string& clean);

}  // namespace keelson::unpack
