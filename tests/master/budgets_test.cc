// SPDX-License-Identifier: Apache-2.0
// PodDisruptionBudgets against the server in this process: counted, asked by evictions, and what a
// drain of many does.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "tests/master/workloads.h"

namespace keelson::golden {
namespace {

using json::Value;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kBudgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const std::string kDeployments = "/apis/apps/v1/namespaces/default/deployments";
const std::string kPods = "/api/v1/namespaces/default/pods";

// "allowed: healthy of desired, expected"
std::string Counted(const Value& budget) {
  const Value& status = budget.At({"status"});
  if (status.At({"observedGeneration"}) != budget.At({"metadata", "generation"})) return "";
  return fmt::format("{}: {} of {}, {}", status.At({"disruptionsAllowed"}).AsInt(),
                     status.At({"currentHealthy"}).AsInt(), status.At({"desiredHealthy"}).AsInt(),
                     status.At({"expectedPods"}).AsInt());
}
auto Says(const std::string& text) {
  return [=](const Value& budget) { return Counted(budget) == text; };
}

class BudgetsTest : public testing::Test {
 protected:
  void Deploy(int replicas) {
    server_.Do(
        "POST", kDeployments,
        fmt::format("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: "
                    "{{replicas: {}, selector: {{matchLabels: {{app: web}}}}, template: "
                    "{{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: c, "
                    "image: x}}]}}}}}}}}",
                    replicas));
    ServeUntil(server_, kDeployments + "/web", [&](const Value& now) {
      return now.At({"status", "availableReplicas"}).AsInt() == replicas;
    });
  }
  void Budget(const std::string& spec) {
    server_.Do("POST", kBudgets,
               "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {" +
                   spec + "}}");
  }
  std::vector<std::string> Names() {
    std::vector<std::string> out;
    for (const Value& pod : PodsOf(server_)) out.push_back(pod.At({"metadata", "name"}).AsString());
    return out;
  }
  Answer Evict(const std::string& pod, const std::string& query = "") {
    Request request;
    request.method = "POST";
    request.path = kPods + "/" + pod + "/eviction" + query;
    request.has_body = true;
    request.body =
        R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")" + pod + R"("}})";
    return server_.server().Ask(request);
  }
  static std::string Cause(const Answer& answer) {
    const Value& causes = answer.body.At({"details", "causes"});
    return causes.items().empty() ? json::WriteJson(answer.body)
                                  : causes.items()[0].At({"message"}).AsString();
  }
  const std::string kSelector = "selector: {matchLabels: {app: web}}, ";
  const std::string kWeb = kBudgets + "/web";
  WorkloadServer server_;
};

TEST_F(BudgetsTest, EvictionsWaitUntilAnotherIsHealthy) {
  Deploy(3);
  Budget(kSelector + "maxUnavailable: 1");
  const Value counted = Until(server_, kWeb, Says("1: 3 of 2, 3"));
  EXPECT_EQ(ConditionOf(counted, "DisruptionAllowed"), "True SufficientPods");
  const std::vector<std::string> pods = Names();
  ASSERT_EQ(pods.size(), 3u);
  EXPECT_EQ(Evict(pods[0], "?dryRun=All").code, 201);
  EXPECT_EQ(Counted(server_.Get(kWeb)), "1: 3 of 2, 3");

  EXPECT_EQ(Evict(pods[0]).code, 201);
  server_.WaitUntilGone(kPods + "/" + pods[0]);
  const Answer refused = Evict(pods[1]);
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.body.At({"message"}).AsString(),
            "Cannot evict pod as it would violate the pod's disruption budget.");
  Until(server_, kWeb, Says("0: 2 of 2, 3"));
  EXPECT_EQ(Cause(Evict(pods[1])),
            "The disruption budget web needs 2 healthy pods and has 2 currently");
  // What replaces it takes its place as soon as it is Ready.
  ServeUntil(server_, kWeb, Says("1: 3 of 2, 3"));
  EXPECT_EQ(Evict(pods[1]).code, 201);
  // A Deployment that is scaled wants as many more.
  server_.Do("PATCH", kDeployments + "/web/scale", R"({"spec":{"replicas":6}})");
  ServeUntil(server_, kWeb, Says("1: 6 of 5, 6"));
}

TEST_F(BudgetsTest, OfThoseAtTheSameMomentAsManyGoAsMay) {
  Deploy(8);
  Budget(kSelector + "minAvailable: 5");
  Until(server_, kWeb, Says("3: 8 of 5, 8"));
  std::atomic<int> gone = 0, refused = 0;
  std::vector<std::thread> threads;
  for (const std::string& pod : Names()) {
    threads.emplace_back([&, pod] {
      const int code = Evict(pod).code;
      if (code == 201) ++gone;
      if (code == 429) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gone, 3);
  EXPECT_EQ(refused, 5);
}

TEST_F(BudgetsTest, WhatWasEvictedAndStaysIsCountedAgain) {
  Deploy(3);
  Budget(kSelector + "minAvailable: 2");
  Until(server_, kWeb, Says("1: 3 of 2, 3"));
  const std::string pod = Names()[0];
  // As if whoever evicted it had died before the delete.
  const std::string now = server_.Get(kPods + "/" + pod)
                              .At({"status", "conditions"})
                              .items()[0]
                              .At({"lastTransitionTime"})
                              .AsString();
  Patch(server_, kWeb + "/status", "application/merge-patch+json",
        R"({"status":{"disruptedPods":{")" + pod + R"(":")" + now + R"("}}})");
  SetPodStatus(server_, pod,
               R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"},)"
               R"({"type":"DisruptionTarget","status":"True","reason":"EvictionByEvictionAPI",)"
               R"("lastTransitionTime":")" +
                   now + R"("}]})");
  Until(server_, kWeb, Says("0: 2 of 2, 3"));
  server_.clock().Advance(seconds(125));
  Until(server_, kWeb, Says("1: 3 of 2, 3"));
  EXPECT_TRUE(server_.Get(kWeb).At({"status", "disruptedPods"}).members().empty());
  Until(server_, kPods + "/" + pod, [](const Value& now_it_is) {
    return ConditionOf(now_it_is, "DisruptionTarget").starts_with("False");
  });
  EXPECT_THAT(EventsOf(server_, "NotDeleted"),
              ElementsAre("Pod was expected by PDB default/web to be deleted but it wasn't"));
}

TEST_F(BudgetsTest, WhoIsNotHealthyGoesWhileEnoughAre) {
  Deploy(3);
  Budget(kSelector + "minAvailable: 2");
  Until(server_, kWeb, Says("1: 3 of 2, 3"));
  std::vector<std::string> pods = Names();
  const auto fall = [&](const std::string& pod) {
    SetPodStatus(server_, pod,
                 R"({"phase":"Running","conditions":[{"type":"Ready","status":"False"}]})");
  };
  fall(pods[0]);
  Until(server_, kWeb, Says("0: 2 of 2, 3"));
  EXPECT_EQ(Evict(pods[1]).code, 429);
  EXPECT_EQ(Evict(pods[0]).code, 201);
  ServeUntil(server_, kWeb, Says("1: 3 of 2, 3"));
  pods = Names();
  fall(pods[0]);
  fall(pods[1]);
  Until(server_, kWeb, Says("0: 1 of 2, 3"));
  EXPECT_EQ(Cause(Evict(pods[0])),
            "The disruption budget web needs 2 healthy pods and has 1 currently");
  Patch(server_, kWeb, "application/merge-patch+json",
        R"({"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}})");
  EXPECT_EQ(Evict(pods[0]).code, 201);
}

TEST_F(BudgetsTest, WhatCannotBeCountedLetsNobodyGo) {
  server_.Do(
      "POST", "/apis/batch/v1/namespaces/default/jobs",
      "{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {metadata: "
      "{labels: {app: web}}, spec: {restartPolicy: Never, containers: [{name: c, image: "
      "x}]}}}}");
  ServeUntil(server_, "/apis/batch/v1/namespaces/default/jobs/once",
             [](const Value& job) { return job.At({"status", "ready"}).AsInt() == 1; });
  Budget(kSelector + "maxUnavailable: 1");
  Until(server_, kWeb, [](const Value& budget) {
    return ConditionOf(budget, "DisruptionAllowed") == "False SyncFailed";
  });
  EXPECT_EQ(Evict(Names()[0]).code, 429);
  EXPECT_THAT(EventsOf(server_, "CalculateExpectedPodCountFailed"),
              ElementsAre(HasSubstr("jobs.batch does not implement the scale subresource")));
  Patch(server_, kWeb, "application/merge-patch+json",
        R"({"spec":{"maxUnavailable":null,"minAvailable":0}})");
  Until(server_, kWeb, Says("1: 1 of 0, 1"));
  const std::string pod = Names()[0];
  EXPECT_EQ(Evict(pod).code, 201);
}

TEST_F(BudgetsTest, AnEmptySelectorCoversTheNamespace) {
  Deploy(2);
  Budget("selector: {}, minAvailable: 1");
  Until(server_, kWeb, Says("1: 2 of 1, 2"));
  // Labels that change do so for both: those that select and those that no longer do.
  server_.Do("DELETE", kWeb);
  Budget(kSelector + "minAvailable: 1");
  Until(server_, kWeb, Says("1: 2 of 1, 2"));
  server_.Do("PATCH", kPods + "/" + Names()[0], R"({"metadata":{"labels":{"app":"other"}}})");
  Until(server_, kWeb, Says("0: 1 of 1, 2"));
}

}  // namespace
}  // namespace keelson::golden
