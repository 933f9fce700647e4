// SPDX-License-Identifier: Apache-2.0
// Changes below some prefixes of the cache, taken when somebody asks. No thread of its own; one
// caller at a time (its owner's lock), `changed` from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "minimal-master/watch/cache.h"

namespace keelson::access {

class Follower {
 public:
  Follower(watch::Cache& cache, std::vector<std::string> prefixes)
      : cache_(cache), prefixes_(std::move(prefixes)) {}

  // There may be something to take. True until the first Take.
  bool changed() const { return changed_.load(); }
  struct Changes {
    // Everything is to be forgotten first: `events` tell of all that is there.
    bool anew = false;
    std::vector<watch::Delivery> events;
  };
  base::Result<Changes> Take();

 private:
  base::Result<Changes> Restart();

  watch::Cache& cache_;
  const std::vector<std::string> prefixes_;
  std::atomic<bool> changed_{true};
  std::vector<std::unique_ptr<watch::Watcher>> watchers_;
};

}  // namespace keelson::access
