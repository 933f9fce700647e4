// SPDX-License-Identifier: Apache-2.0
// One thread that measures while anybody is interested: about once a second when somebody asked in
// the last minute, not at all otherwise. Who asks gets the last snapshot at once, on its own
// thread; when there is none yet, or pods came meanwhile, on the sampler's as soon as they are
// measured. Asking never blocks and costs no reading. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/stats/collector.h"

namespace keelson::stats {

class Sampler {
 public:
  struct Options {
    CollectorOptions collector;
    std::chrono::milliseconds period{1000};
    std::chrono::milliseconds interest{75'000};  // a kubelet asks each 10 s, a scraper each minute
  };
  // Source and clock must outlive it; asking must have ended.
  Sampler(const Source& source, const base::Clock& clock, Options options);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Called exactly once, with nullptr when the sampler ends; must not block.
  using Then = std::function<void(SnapshotPtr)>;
  void Ask(Scope scope, Then then);

 private:
  struct Waiter {
    Scope scope;
    Then then;
  };
  void Run();
  bool Serves(const Snapshot& snapshot, const Scope& scope) const;  // mutex_ is held

  const Source& source_;
  const base::Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiter> waiters_;    // guarded by mutex_
  SnapshotPtr last_;               // guarded by mutex_; none while at rest
  SnapshotPtr last_everything_;    // guarded by mutex_; for a period
  base::SteadyTime asked_{};       // guarded by mutex_
  base::SteadyTime asked_pods_{};  // guarded by mutex_
  bool stop_ = false;              // guarded by mutex_
  Collector collector_;            // the thread's
  std::thread thread_;
};

}  // namespace keelson::stats
