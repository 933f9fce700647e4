// SPDX-License-Identifier: Apache-2.0
// Time is injected everywhere. Wall time is nanoseconds since the epoch (what CRI and Kubernetes
// write down), steady time is for intervals and never goes back. ManualClock (fake_clock.h) moves
// only when a test says so. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace keelson::base {

using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t WallNanos() const = 0;
  virtual SteadyTime Steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t WallNanos() const override;
  SteadyTime Steady() const override;
};

}  // namespace keelson::base
