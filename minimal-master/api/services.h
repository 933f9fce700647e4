// SPDX-License-Identifier: Apache-2.0
// Addresses and ports of services, so that no two get the same: whoever is given some holds a lock
// until they are stored. One process gives them out. Thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "minimal-master/allocation/service.h"
#include "minimal-master/status/failure.h"
#include "minimal-master/watch/cache.h"

namespace keelson::api {

class Services {
 public:
  // Before the first request. Without ranges nothing is given out.
  // `random` chooses among what is free; a test's own makes the choice repeatable.
  void SetRanges(allocation::Ranges ranges, allocation::Random random = Chance) {
    ranges_ = std::move(ranges);
    random_ = std::move(random);
  }
  // Fills in what `service` has not yet; `key` is its own, whose present addresses it may keep.
  // The lock is held until the service is in the store.
  status::Or<std::unique_lock<std::mutex>> Give(const watch::Cache& cache, const std::string& key,
                                                json::Value& service);

 private:
  static uint64_t Chance(uint64_t bound);

  allocation::Ranges ranges_;
  allocation::Random random_ = Chance;
  std::mutex mutex_;
};

}  // namespace keelson::api
