// SPDX-License-Identifier: Apache-2.0
// Who may pull an image now: so many at once (one, as upstream's default), and not more often than
// the registries are to be asked. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::image_gc {

struct PullLimits {
  int64_t at_once = 1;     // 0: no limit
  int64_t per_second = 0;  // 0: no limit
  int64_t burst = 10;
};

class PullGate {
 public:
  PullGate(const PullLimits& limits, base::Clock& clock)
      : limits_(limits), clock_(clock), tokens_(static_cast<double>(limits.burst)) {}

  class Turn {
   public:
    explicit Turn(PullGate& gate) : gate_(&gate) {}
    Turn(Turn&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (gate_ != nullptr) gate_->Leave();
    }

   private:
    PullGate* gate_;
  };
  // Waits for a turn. ResourceExhausted at once: too often. Cancelled: `stop` was asked for.
  base::Result<Turn> Enter(const std::stop_token& stop);

 private:
  void Leave();

  const PullLimits limits_;
  base::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any free_;
  int64_t under_way_ = 0;      // guarded by mutex_
  double tokens_;              // guarded by mutex_
  base::SteadyTime filled_{};  // guarded by mutex_
  bool begun_ = false;         // guarded by mutex_
};

}  // namespace keelson::image_gc
