// SPDX-License-Identifier: Apache-2.0
// The facts of all objects, brought up to date when somebody looks and at most once a second: what
// has not changed since is not read again, and where nobody looks nothing is done. Thread-safe;
// `cache` and `clock` outlive it.
#pragma once

#include <functional>
#include <mutex>

#include "lib/base/clock.h"
#include "minimal-master/page/facts.h"
#include "minimal-master/watch/cache.h"

namespace keelson::page {

class Model {
 public:
  static constexpr size_t kEvents = 500;  // the newest ones are known

  Model(watch::Cache& cache, const base::Clock& clock) : cache_(cache), clock_(clock) {}

  // With the facts, which stay as they are for that long.
  void Look(const std::function<void(const World&, watch::Revision)>& use);

 private:
  void Refresh(const watch::Snapshot& snapshot);

  watch::Cache& cache_;
  const base::Clock& clock_;
  std::mutex mutex_;
  World world_;                    // guarded by mutex_
  watch::Revision revision_ = -1;  // guarded by mutex_
  base::SteadyTime read_at_;       // guarded by mutex_
};

}  // namespace keelson::page
