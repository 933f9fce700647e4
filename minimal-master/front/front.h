// SPDX-License-Identifier: Apache-2.0
// What stands around every request: it is counted, gets an Audit-Id, is written down if somebody
// wants that, is told to come again where too many are under way already, and is answered when its
// time is over. Thread-safe; `registry`, the audit log and the clock outlive it, and it outlives
// every request.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "lib/base/clock.h"
#include "minimal-master/api/visit.h"
#include "minimal-master/audit/log.h"
#include "minimal-master/front/meters.h"

namespace keelson::front {

class Observed;

class Front {
 public:
  struct Options {
    // Requests under way at a time, without watches and other long ones: beyond that 429. Zero: no
    // bound. Administrators (system:masters) are always let in.
    size_t max_reading = 400;
    size_t max_changing = 200;
    audit::Log* audit = nullptr;
    // Requests that are not long ones are answered 504 after so long, whatever they wait for.
    std::chrono::nanoseconds timeout{std::chrono::seconds(60)};
    std::chrono::milliseconds sweep_every{1000};  // zero: somebody calls Sweep()
  };
  Front(meter::Registry& registry, const base::Clock& clock, Options options);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  std::shared_ptr<api::Visit> Begin(std::shared_ptr<service::Exchange> exchange,
                                    const api::Route& route);
  // Answers those whose time is over.
  void Sweep();

 private:
  friend class Observed;
  // One more is under way; false: there are enough.
  bool TakeSeat(bool mutating, bool always);
  void LeaveSeat(bool mutating);
  // Requests under way that have a deadline, in a few lists so that threads seldom meet.
  struct Shard {
    std::mutex mutex;
    Observed* first = nullptr;  // guarded by mutex
  };
  Shard& ShardOf(const Observed* request) {
    return shards_[reinterpret_cast<uintptr_t>(request) / 1024 % shards_.size()];
  }
  void Enlist(Observed& request);
  void Strike(Observed& request);

  const base::Clock& clock_;
  const Options options_;
  Meters meters_;
  std::atomic<size_t> reading_{0};
  std::atomic<size_t> changing_{0};
  std::array<Shard, 16> shards_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool stop_ = false;  // guarded by mutex_
  std::thread sweeper_;
};

}  // namespace keelson::front
