// SPDX-License-Identifier: Apache-2.0
// When a process that has ended is started again. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "lib/base/clock.h"

namespace keelson::supervise {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100}, kLongest{10000};
  static constexpr std::chrono::minutes kForgiven{1};  // so long it ran: what was is forgotten

  // How long to wait after an end at `now` of what was started at `started`.
  std::chrono::milliseconds AfterEnd(base::SteadyTime started, base::SteadyTime now) {
    if (now - started >= kForgiven) next_ = std::chrono::milliseconds(0);
    const std::chrono::milliseconds wait = next_;
    next_ = std::clamp(next_ * 2, kFirst, kLongest);
    return wait;
  }

 private:
  std::chrono::milliseconds next_{0};
};

}  // namespace keelson::supervise
