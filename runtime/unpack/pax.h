// SPDX-License-Identifier: Apache-2.0
// Records of a pax extended header: "LENGTH KEY=VALUE\n" one after another. Those that change an
// entry are taken over, remarks are passed over, what is malformed is refused. Pure. Source: POSIX
// pax(1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::unpack {

struct PaxTime {
  int64_t seconds = 0;
  uint32_t nanos = 0;
};

struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
  std::optional<uint64_t> uid;
  std::optional<uint64_t> gid;
  std::optional<PaxTime> mtime;
  bool sparse = false;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

base::Result<PaxRecords> ParsePax(std::string_view text);

}  // namespace keelson::unpack
