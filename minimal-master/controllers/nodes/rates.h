// SPDX-License-Identifier: Apache-2.0
// What the life of nodes can be told, with upstream's defaults. Plain data.
#pragma once

#include <chrono>
#include <cstddef>

namespace keelson::controllers::nodes {

struct Rates {
  double evictions_per_second = 0.1;             // nodes of a zone that is well
  double secondary_evictions_per_second = 0.01;  // of a large zone that is not
  double unhealthy_threshold = 0.55;             // of a zone's nodes
  size_t large_zone = 50;                        // more nodes than this
};

struct Graces {
  std::chrono::seconds silence{50};  // since the last report
  std::chrono::seconds start{60};    // of a node that has never reported
  Rates rates;
};

}  // namespace keelson::controllers::nodes
