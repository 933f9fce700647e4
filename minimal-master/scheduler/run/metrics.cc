// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/metrics.h"

#include <string>

#include "minimal-master/scheduler/run/writes.h"

namespace keelson::scheduler::run {
namespace {

using queue::Place;

constexpr double kAttemptBounds[] = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
                                     0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384};
constexpr double kCountBounds[] = {1, 2, 4, 8, 16};
constexpr double kPodBounds[] = {0.01,   0.02,   0.04,   0.08,    0.16,    0.32,   0.64,
                                 1.28,   2.56,   5.12,   10.24,   20.48,   40.96,  81.92,
                                 163.84, 327.68, 655.36, 1310.72, 2621.44, 5242.88};
constexpr double kVictimBounds[] = {1, 2, 4, 8, 16, 32, 64};
constexpr struct {
  Place place;
  const char* name;
} kQueues[] = {{Place::kActive, "active"},
               {Place::kBackoff, "backoff"},
               {Place::kUnschedulable, "unschedulable"},
               {Place::kGated, "gated"}};

}  // namespace

Metrics::Metrics(meter::Registry* registry)
    : registry_(registry), pending_(std::make_shared<Pending>()) {
  if (registry == nullptr) return;
  attempts_ =
      &registry->Counters("scheduler_schedule_attempts_total",
                          "attempts to schedule pods, by their result", {"result", "profile"});
  attempt_seconds_ =
      &registry->Histograms("scheduler_scheduling_attempt_duration_seconds", "what a decision took",
                            {"result", "profile"}, kAttemptBounds);
  pod_attempts_ =
      &registry
           ->Histograms("scheduler_pod_scheduling_attempts",
                        "attempts that pods took until they had a node", {}, kCountBounds)
           .With({});
  pod_seconds_ = &registry->Histograms("scheduler_pod_scheduling_sli_duration_seconds",
                                       "from when a pod could be scheduled until it had a node",
                                       {"attempts"}, kPodBounds);
  preemptions_ =
      &registry
           ->Counters("scheduler_preemption_attempts_total", "times that pods made room for others")
           .With({});
  victims_ = &registry
                  ->Histograms("scheduler_preemption_victims", "pods that made room for one", {},
                               kVictimBounds)
                  .With({});
  registry->ReadGauges("scheduler_pending_pods", "pods that wait, by where they wait", {"queue"},
                       [pending = pending_] {
                         std::vector<meter::Registry::Read> out;
                         for (const auto& queue : kQueues) {
                           const size_t index = static_cast<size_t>(queue.place);
                           out.push_back({{queue.name}, double(pending->counts[index].load())});
                         }
                         return out;
                       });
}

void Metrics::Attempt(std::string_view result, double seconds) {
  if (registry_ == nullptr) return;
  attempts_->With({result, kName}).Add();
  attempt_seconds_->With({result, kName}).Observe(seconds);
}

void Metrics::Scheduled(int attempts, double seconds) {
  if (registry_ == nullptr) return;
  pod_attempts_->Observe(attempts);
  pod_seconds_->With({attempts > 15 ? "16+" : std::to_string(attempts)}).Observe(seconds);
}

void Metrics::Preempted(size_t victims) {
  if (registry_ == nullptr) return;
  preemptions_->Add();
  victims_->Observe(static_cast<double>(victims));
}

void Metrics::Waiting(const queue::Queue& queue) {
  for (const auto& one : kQueues)
    pending_->counts[static_cast<size_t>(one.place)] = queue.Count(one.place);
}

}  // namespace keelson::scheduler::run
