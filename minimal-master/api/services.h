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
  void SetRanges(allocation::Ranges ranges) { ranges_ = std::move(ranges); }
  // Fills in what `service` has not yet; `key` is its own, whose present addresses it may keep.
  // The lock is held until the service is in the store.
  status::Or<std::unique_lock<std::mutex>> Give(const watch::Cache& cache, const std::string& key,
                                                json::Value& service);

 private:
  allocation::Ranges ranges_;
  std::mutex mutex_;
};

}  // namespace keelson::api
