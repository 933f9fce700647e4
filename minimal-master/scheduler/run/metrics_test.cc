// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::scheduler::run {
namespace {

using ::testing::HasSubstr;

model::PodRef Pod(const std::string& uid, bool gated) {
  auto pod = std::make_shared<model::Pod>();
  pod->uid = uid;
  pod->gated = gated;
  return pod;
}

TEST(Metrics, AreCountedByUpstreamsNames) {
  meter::Registry registry;
  {
    Metrics metrics(&registry);
    metrics.Attempt("scheduled", 0.003);
    metrics.Attempt("unschedulable", 0.001);
    metrics.Scheduled(2, 0.5);
    metrics.Preempted(3);
    queue::Queue queue;
    queue.Put(Pod("a", false), base::SteadyTime());
    queue.Put(Pod("b", true), base::SteadyTime());
    metrics.Waiting(queue);
  }
  const std::string text = registry.Text();
  for (const char* const line : {
           R"(scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 1)",
           R"(scheduler_scheduling_attempt_duration_seconds_count{result="scheduled",)"
           R"(profile="default-scheduler"} 1)",
           "scheduler_pod_scheduling_attempts_sum 2",
           R"(scheduler_pod_scheduling_sli_duration_seconds_count{attempts="2"} 1)",
           "scheduler_preemption_attempts_total 1",
           "scheduler_preemption_victims_sum 3",
           R"(scheduler_pending_pods{queue="active"} 1)",
           R"(scheduler_pending_pods{queue="gated"} 1)",
           R"(scheduler_pending_pods{queue="backoff"} 0)",
       })
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, NeedNoRegistry) {
  Metrics metrics(nullptr);
  metrics.Attempt("scheduled", 1);
  metrics.Scheduled(1, 1);
  metrics.Preempted(1);
  metrics.Waiting(queue::Queue());
}

}  // namespace
}  // namespace keelson::scheduler::run
