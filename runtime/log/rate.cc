// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/rate.h"

#include <algorithm>

namespace keelson::log {

void Rate::Fill(base::SteadyTime now) {
  const auto most = static_cast<double>(rate_);
  if (!begun_) {
    tokens_ = most;
    begun_ = true;
  } else if (now > filled_) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(most, tokens_ + passed.count() * most);
  }
  filled_ = now;
}

bool Rate::Take(uint64_t bytes, base::SteadyTime now) {
  if (rate_ == 0) return true;
  Fill(now);
  // One longer than a second's worth passes when the bucket is full, or it never would.
  const double needed = std::min(static_cast<double>(bytes), static_cast<double>(rate_));
  if (tokens_ < needed) return false;
  tokens_ -= static_cast<double>(bytes);
  return true;
}

void Rate::Owe(uint64_t bytes, base::SteadyTime now) {
  if (rate_ == 0) return;
  Fill(now);
  tokens_ -= static_cast<double>(bytes);
}

std::chrono::nanoseconds Rate::Wait(base::SteadyTime now) {
  if (rate_ == 0) return std::chrono::nanoseconds(0);
  Fill(now);
  if (tokens_ >= 0) return std::chrono::nanoseconds(0);
  const std::chrono::duration<double> wait(-tokens_ / static_cast<double>(rate_));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(wait) + std::chrono::nanoseconds(1);
}

}  // namespace keelson::log
