// SPDX-License-Identifier: Apache-2.0
// Jobs against the server in this process.
#include <gmock/gmock.h>

#include "tests/master/workloads.h"

namespace keelson::golden {
namespace {

using json::Value;
using ::testing::Contains;
using ::testing::IsEmpty;

const std::string kJob = "/apis/batch/v1/namespaces/default/jobs/sum";
const std::string kPods = "/api/v1/namespaces/default/pods";
const std::string kTracking = "batch.kubernetes.io/job-tracking";

void Create(ControlledServer& server, const std::string& spec) {
  server.Do("POST", "/apis/batch/v1/namespaces/default/jobs",
            "{apiVersion: batch/v1, kind: Job, metadata: {name: sum}, spec: {" + spec +
                "template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}}");
}

bool IsTracked(const Value& pod) { return !pod.At({"metadata", "finalizers"}).IsNull(); }
bool IsOver(const Value& pod) {
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  return phase == "Succeeded" || phase == "Failed";
}

// Ends every pod with what `code` says, until `good`.
Value RunUntil(ControlledServer& server, const std::function<int(const Value& pod)>& code,
               const std::function<bool(const Value&)>& good) {
  return Until(server, kJob, [&](const Value& job) {
    if (good(job)) return true;
    for (const Value& pod : PodsOf(server)) {
      if (!IsOver(pod)) EndPod(server, pod, code(pod));
    }
    return false;
  });
}
int Succeeds(const Value&) { return 0; }
auto Is(const std::string& type) {
  return [=](const Value& job) { return ConditionOf(job, type).starts_with("True"); };
}

TEST(Jobs, RunUntilEnoughHaveSucceeded) {
  WorkloadServer server;
  Create(server, "completions: 7, parallelism: 3, ");
  Until(server, kJob, [](const Value& job) { return job.At({"status", "active"}).AsInt() == 3; });
  EXPECT_EQ(PodsOf(server).size(), 3u);
  const Value job = RunUntil(
      server,
      [&](const Value&) {
        EXPECT_LE(PodsOf(server, "?fieldSelector=status.phase%3DPending").size(), 3u);
        return 0;
      },
      Is("Complete"));
  EXPECT_EQ(job.At({"status", "succeeded"}).AsInt(), 7);
  EXPECT_EQ(ConditionOf(job, "Complete"), "True CompletionsReached");
  EXPECT_FALSE(job.At({"status", "completionTime"}).IsNull());
  const std::vector<Value> pods = PodsOf(server, "?labelSelector=job-name%3Dsum");
  EXPECT_EQ(pods.size(), 7u);
  for (const Value& pod : pods) EXPECT_FALSE(IsTracked(pod));
  Until(server, kPods, [&](const Value&) {
    const std::vector<std::string> told = EventsOf(server, "Completed");
    return told.size() == 1 && told[0] == "Job completed";
  });
}

TEST(Jobs, FailBeyondTheirLimit) {
  WorkloadServer server;
  Create(server, "backoffLimit: 2, ");
  const auto failures = [&](int64_t count) {
    return [=](const Value& job) { return job.At({"status", "failed"}).AsInt() >= count; };
  };
  for (int64_t i = 1; i <= 3; ++i) {
    RunUntil(server, [](const Value&) { return 1; }, failures(i));
    server.WaitForQuiet();
    server.clock().Advance(std::chrono::minutes(1));  // 10 s, then 20 s
  }
  const Value job = Until(server, kJob, Is("Failed"));
  EXPECT_EQ(ConditionOf(job, "Failed"), "True BackoffLimitExceeded");
  EXPECT_EQ(PodsOf(server).size(), 3u);
}

TEST(Jobs, GiveEachPodAnIndex) {
  WorkloadServer server;
  Create(server,
         "completions: 5, parallelism: 5, completionMode: Indexed, backoffLimitPerIndex: 0, ");
  const Value job = RunUntil(
      server,
      [](const Value& pod) {
        const Value& annotations = pod.At({"metadata", "annotations"});
        return annotations.At({"batch.kubernetes.io/job-completion-index"}).AsString() == "3" ? 1
                                                                                              : 0;
      },
      Is("Failed"));
  EXPECT_EQ(job.At({"status", "completedIndexes"}).AsString(), "0-2,4");
  EXPECT_EQ(job.At({"status", "failedIndexes"}).AsString(), "3");
  EXPECT_EQ(ConditionOf(job, "Failed"), "True FailedIndexes");
  EXPECT_TRUE(PodsOf(server)[0].At({"metadata", "name"}).AsString().starts_with("sum-0-"));
}

TEST(Jobs, AreSuspendedAndResumed) {
  WorkloadServer server;
  Create(server, "parallelism: 2, completions: 2, ");
  Until(server, kJob, [](const Value& job) { return job.At({"status", "active"}).AsInt() == 2; });
  server.Do("PATCH", kJob, R"({"spec":{"suspend":true}})");
  Until(server, kJob, [](const Value& job) {
    return ConditionOf(job, "Suspended") == "True JobSuspended" &&
           job.At({"status", "active"}).AsInt() == 0;
  });
  EXPECT_THAT(PodsOf(server), IsEmpty());
  EXPECT_EQ(server.Get(kJob).At({"status", "failed"}).AsInt(), 0);
  server.Do("PATCH", kJob, R"({"spec":{"suspend":false}})");
  const Value job = RunUntil(server, Succeeds, Is("Complete"));
  EXPECT_EQ(ConditionOf(job, "Suspended"), "False JobResumed");
}

TEST(Jobs, HaveADeadline) {
  WorkloadServer server;
  Create(server, "activeDeadlineSeconds: 100, ");
  Until(server, kJob, [](const Value& job) { return job.At({"status", "active"}).AsInt() == 1; });
  server.WaitForQuiet();
  server.clock().Advance(std::chrono::seconds(101));
  const Value job = Until(server, kJob, Is("Failed"));
  EXPECT_EQ(ConditionOf(job, "Failed"), "True DeadlineExceeded");
  EXPECT_EQ(job.At({"status", "failed"}).AsInt(), 1);
  EXPECT_THAT(PodsOf(server), IsEmpty());
}

TEST(Jobs, EndAtOnceByTheirPolicy) {
  WorkloadServer server;
  Create(server,
         "parallelism: 2, completions: 2, podFailurePolicy: {rules: [{action: FailJob, "
         "onExitCodes: {operator: In, values: [42]}}]}, ");
  bool first = true;
  const Value job = RunUntil(
      server, [&](const Value&) { return std::exchange(first, false) ? 42 : 0; }, Is("Failed"));
  EXPECT_EQ(ConditionOf(job, "Failed"), "True PodFailurePolicy");
}

TEST(Jobs, GoAwayWithTheirPodsSomeTimeAfterTheirEnd) {
  WorkloadServer server;
  Create(server, "ttlSecondsAfterFinished: 3600, ");
  RunUntil(server, Succeeds, Is("Complete"));
  server.WaitForQuiet();
  server.clock().Advance(std::chrono::minutes(30));
  server.WaitForQuiet();
  EXPECT_FALSE(server.Get(kJob).IsNull());
  server.clock().Advance(std::chrono::minutes(31));
  Until(server, kJob, [](const Value& job) { return job.IsNull(); });
  EXPECT_THAT(PodsOf(server), IsEmpty());
}

// kubectl delete job: its pods are tracked no longer, and go.
TEST(Jobs, LetTheirPodsGoWhenTheyAreDeleted) {
  for (const std::string policy : {"Background", "Foreground"}) {
    SCOPED_TRACE(policy);
    WorkloadServer server;
    Create(server, "parallelism: 3, completions: 9, ");
    Until(server, kJob, [](const Value& job) { return job.At({"status", "active"}).AsInt() == 3; });
    server.Do("DELETE", kJob, "{propagationPolicy: " + policy + "}");
    Until(server, kPods, [](const Value& pods) { return pods.At({"items"}).items().empty(); });
    Until(server, kJob, [](const Value& job) { return job.IsNull(); });
  }
}

}  // namespace
}  // namespace keelson::golden
