// SPDX-License-Identifier: Apache-2.0
// Whether the machine runs short of what pods need, by upstream's hard thresholds. Reads the
// kernel; blocks shortly.
#pragma once

#include <cstdint>
#include <string>

namespace keelson::node {

struct PressureLimits {
  int64_t memory_bytes = 0;  // at least this much must be available; 0: not looked at
  int64_t disk_bytes = 0;    // of the disk that holds pods
  double pid_share = 0.05;   // of all process ids that must be free
};
struct Pressure {
  bool memory = false, disk = false, pid = false;
  bool operator==(const Pressure&) const = default;
};
struct Supply {
  int64_t memory_bytes = -1, disk_bytes = -1;  // available; -1: not known
  int64_t pids = -1, pids_at_most = -1;        // in use
};
Pressure PressureOf(const Supply& supply, const PressureLimits& limits);  // pure
Supply LookAtSupply(const std::string& root_dir);

}  // namespace keelson::node
