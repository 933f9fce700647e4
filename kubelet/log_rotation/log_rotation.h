// SPDX-License-Identifier: Apache-2.0
// Container logs kept small: the current file over the limit is renamed with a time stamp, the
// runtime opens it anew, earlier ones are compressed, the oldest go. Which files do what is a pure
// plan; the rotator carries it out. Upstream's names, so that log collectors follow: 0.log,
// 0.log.20260102-030405, 0.log.20260102-030405.gz.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::log_rotation {

struct Limits {
  int64_t max_bytes = int64_t{10} << 20;
  int max_files = 5;
};

struct Plan {
  std::vector<std::string> remove;    // unfinished (.tmp) and surplus files
  std::vector<std::string> compress;  // to <name>.gz through <name>.tmp
  std::string rename_to;              // empty: the current file is small enough
};
// `files`: names beside the log whose name is `log` ("0.log"), in any order, it included.
Plan PlanRotation(const std::string& log, int64_t size, const std::vector<std::string>& files,
                  int64_t now_wall_nanos, const Limits& limits);

// Rotates one container's log; `reopen` is ReopenContainerLog. If it fails the rename is undone, so
// that no line is lost.
base::Status Rotate(const std::string& log_path, int64_t now_wall_nanos, const Limits& limits,
                    const std::function<base::Status()>& reopen);

}  // namespace keelson::log_rotation
