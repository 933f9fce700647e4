// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_gate.h"

#include <algorithm>

namespace keelson::image_gc {

base::Result<PullGate::Turn> PullGate::Enter(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (limits_.per_second > 0) {
    const base::SteadyTime now = clock_.Steady();
    if (begun_) {
      const double seconds = std::chrono::duration<double>(now - filled_).count();
      tokens_ = std::min(static_cast<double>(limits_.burst),
                         tokens_ + seconds * static_cast<double>(limits_.per_second));
    }
    begun_ = true;
    filled_ = now;
    if (tokens_ < 1) return base::ResourceExhausted("pull QPS exceeded");
    tokens_ -= 1;
  }
  if (limits_.at_once > 0 &&
      !free_.wait(lock, stop, [this] { return under_way_ < limits_.at_once; }))
    return base::Cancelled("the pull was given up");
  ++under_way_;
  return Turn(*this);
}

void PullGate::Leave() {
  const std::lock_guard lock(mutex_);
  --under_way_;
  free_.notify_one();
}

}  // namespace keelson::image_gc
