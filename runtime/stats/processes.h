// SPDX-License-Identifier: Apache-2.0
// What procfs says of a container's processes: open files, sockets, limits. Processes end while one
// looks: what is gone counts nothing. Blocking for a moment, any thread. Source: proc(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace keelson::stats {

struct ProcessFigures {
  uint64_t open_files = 0;
  uint64_t sockets = 0;
  std::optional<uint64_t> most_open_files;  // the soft limit of the first process; none: unlimited
};

// `first`: the container's first process. At most `most` descriptors are looked at each.
ProcessFigures ReadProcesses(const std::vector<int>& pids, int first, uint64_t most = 20000);
std::optional<uint64_t> ParseOpenFilesLimit(std::string_view limits);  // of /proc/<pid>/limits

}  // namespace keelson::stats
