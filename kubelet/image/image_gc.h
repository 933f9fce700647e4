// SPDX-License-Identifier: Apache-2.0
// Which images go when the disk fills: pure. Above `high_percent` the least recently used ones that
// no container uses and that are older than `minimum_age` go until `low_percent` is reached; never
// pinned ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace keelson::image_gc {

struct Policy {
  int high_percent = 85;
  int low_percent = 80;
  std::chrono::seconds minimum_age{120};
  std::chrono::seconds maximum_age{0};  // 0: no limit; unused ones older than this go in any case
};
struct ImageUse {
  std::string id;
  int64_t size = 0;
  int64_t first_seen = 0;  // wall nanoseconds
  int64_t last_used = 0;   // 0: never
  bool in_use = false;
  bool pinned = false;
};
struct Disk {
  int64_t capacity = 0;
  int64_t available = 0;
};
struct Plan {
  std::vector<std::string> remove;  // in order
  int64_t to_free = 0;
  int64_t will_free = 0;
};
Plan PlanImageGc(const Policy& policy, const Disk& disk, const std::vector<ImageUse>& images,
                 int64_t now_wall_nanos);

}  // namespace keelson::image_gc
