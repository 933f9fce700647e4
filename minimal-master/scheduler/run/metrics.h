// SPDX-License-Identifier: Apache-2.0
// What the scheduler counts, by upstream's names. Any thread; the registry outlives it.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string_view>

#include "lib/meter/registry.h"
#include "minimal-master/scheduler/queue/queue.h"

namespace keelson::scheduler::run {

class Metrics {
 public:
  // Null: nothing is counted.
  explicit Metrics(meter::Registry* registry);

  // `result`: "scheduled", "unschedulable", "error".
  void Attempt(std::string_view result, double seconds);
  // Since it was heard of first.
  void Scheduled(int attempts, double seconds);
  void Preempted(size_t victims);
  void Waiting(const queue::Queue& queue);

 private:
  // Read when somebody asks, also after the scheduler has gone.
  struct Pending {
    std::array<std::atomic<size_t>, 5> counts{};
  };
  meter::Registry* const registry_;
  const std::shared_ptr<Pending> pending_;
  meter::Family<meter::Counter>* attempts_ = nullptr;
  meter::Family<meter::Histogram>* attempt_seconds_ = nullptr;
  meter::Histogram* pod_attempts_ = nullptr;
  meter::Family<meter::Histogram>* pod_seconds_ = nullptr;
  meter::Counter* preemptions_ = nullptr;
  meter::Histogram* victims_ = nullptr;
};

}  // namespace keelson::scheduler::run
