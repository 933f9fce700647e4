// SPDX-License-Identifier: Apache-2.0
// Keeps what has many pods from being written for each of them: one write in a tenth of a second,
// told by uid. Thread-safe; `clock` outlives it.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/clock.h"

namespace keelson::pods {

class Pace {
 public:
  static constexpr size_t kMany = 100;  // of pods: fewer need no pace
  explicit Pace(const base::Clock& clock) : clock_(clock) {}

  // Nothing: it may be written now, and is taken to be. Else how long it must wait.
  std::optional<std::chrono::milliseconds> Wait(std::string_view uid);
  void Forget(std::string_view uid);

 private:
  const base::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, base::SteadyTime, std::less<>> written_;  // guarded by mutex_
};

}  // namespace keelson::pods
