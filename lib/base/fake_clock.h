// SPDX-License-Identifier: Apache-2.0
// A clock that moves only when told. Thread-safe.
#pragma once

#include <atomic>

#include "lib/base/clock.h"

namespace keelson::base {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t wall_nanos = 1'700'000'000'000'000'000) : start_(wall_nanos) {}
  int64_t WallNanos() const override { return start_ + elapsed_.load(); }
  SteadyTime Steady() const override {
    return SteadyTime(std::chrono::nanoseconds(elapsed_.load()));
  }
  void Advance(std::chrono::nanoseconds by) { elapsed_ += by.count(); }

 private:
  const int64_t start_;
  std::atomic<int64_t> elapsed_{1'000'000'000};
};

}  // namespace keelson::base
