// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/pace.h"

namespace keelson::pods {

std::optional<std::chrono::milliseconds> Pace::Wait(std::string_view uid) {
  constexpr std::chrono::milliseconds kBetween{100};
  const base::SteadyTime now = clock_.Steady();
  const std::lock_guard lock(mutex_);
  const auto last = written_.find(uid);
  if (last != written_.end() && now < last->second + kBetween) {
    const auto left = last->second + kBetween - now;
    return std::chrono::duration_cast<std::chrono::milliseconds>(left) +
           std::chrono::milliseconds(1);
  }
  written_.insert_or_assign(std::string(uid), now);
  return std::nullopt;
}

void Pace::Forget(std::string_view uid) {
  const std::lock_guard lock(mutex_);
  const auto last = written_.find(uid);
  if (last != written_.end()) written_.erase(last);
}

}  // namespace keelson::pods
