// SPDX-License-Identifier: Apache-2.0
// How much a container may write into its log in a second, averaged: a bucket of bytes that fills
// at that rate and holds one second's worth, both streams together. Pure; times are
// CLOCK_MONOTONIC's, any thread that owns it.
#pragma once

#include <chrono>
#include <cstdint>

#include "lib/base/clock.h"

namespace keelson::log {

class Rate {
 public:
  // 0: without a limit.
  explicit Rate(uint64_t bytes_per_second = 0) : rate_(bytes_per_second) {}

  uint64_t bytes_per_second() const { return rate_; }
  // Takes them where all of them are there.
  bool Take(uint64_t bytes, base::SteadyTime now);
  // Takes them in any case: what is missing is owed, and the next ones wait for it.
  void Owe(uint64_t bytes, base::SteadyTime now);
  // Until nothing is owed; 0: now.
  std::chrono::nanoseconds Wait(base::SteadyTime now);

 private:
  void Fill(base::SteadyTime now);

  uint64_t rate_;
  bool begun_ = false;
  base::SteadyTime filled_;
  double tokens_ = 0;  // bytes
};

}  // namespace keelson::log
