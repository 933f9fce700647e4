// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/preempt.h"

#include <gtest/gtest.h>

#include "minimal-master/scheduler/decide/fake_cluster.h"

namespace keelson::scheduler::decide {
namespace {

std::string Spec(int priority, const std::string& cpu, const std::string& more = "") {
  return "{priority: " + std::to_string(priority) +
         ", containers: [{resources: {requests: {cpu: " + cpu + "}}}]" + more + "}";
}

TEST(Preempting, TakesTheFewestAndLeastImportant) {
  FakeCluster fake;
  fake.Node("n");  // 4 CPUs
  fake.Put("n", "low", Spec(1, "1"));
  fake.Put("n", "middle", Spec(2, "2"));
  fake.Put("n", "high", Spec(30, "1"));
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "1"))), "n: low");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "2"))), "n: middle");  // low may stay
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "3"))), "n: middle low");
}

TEST(Preempting, SaysWhenItCannotHelp) {
  FakeCluster fake;
  fake.Node("full");
  fake.Node("tainted", "{}", "{taints: [{key: a, effect: NoSchedule}]}");
  fake.Put("full", "important", Spec(50, "3"));
  fake.Put("full", "less", Spec(1, "1"));
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(0, "1"))),
            "no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption "
            "victims found for incoming pod, 1 Preemption is not helpful for scheduling.");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "2"))),
            "no new claims to deallocate, preemption: 0/2 nodes are available: 1 Insufficient cpu, "
            "1 Preemption is not helpful for scheduling.");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "8"))),
            "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not "
            "helpful for scheduling.");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "1", ", preemptionPolicy: Never"))),
            "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.");
  EXPECT_EQ(fake.AskPreempt(fake.Pod(
                "p", Spec(20, "1", ", volumes: [{persistentVolumeClaim: {claimName: x}}]"))),
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.");
}

TEST(Preempting, ChoosesTheNodeWhereItCostsLeast) {
  struct Case {
    std::string_view name;
    std::vector<std::string> a, b;  // specs of pods
    std::string a_status, b_status;
    std::string answer;
  };
  const Case cases[] = {
      {"the least important victim", {Spec(5, "4")}, {Spec(4, "4")}, "{}", "{}", "b: b0"},
      {"the smaller sum",
       {Spec(5, "2"), Spec(4, "2")},
       {Spec(5, "2"), Spec(3, "2")},
       "{}",
       "{}",
       "b: b0 b1"},
      {"the smaller number", {Spec(5, "2"), Spec(5, "2")}, {Spec(5, "4")}, "{}", "{}", "b: b0"},
      {"who started last",
       {Spec(5, "4")},
       {Spec(5, "4")},
       "{startTime: '2026-01-02T00:00:00Z'}",
       "{startTime: '2026-01-03T00:00:00Z'}",
       "b: b0"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("a");
    fake.Node("b");
    for (size_t i = 0; i < c.a.size(); ++i)
      fake.Put("a", "a" + std::to_string(i), c.a[i], "{}", "{status: " + c.a_status + "}");
    for (size_t i = 0; i < c.b.size(); ++i)
      fake.Put("b", "b" + std::to_string(i), c.b[i], "{}", "{status: " + c.b_status + "}");
    EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "3500m"))), c.answer);
  }
}

TEST(Preempting, SparesWhatBudgetsProtect) {
  FakeCluster fake;
  fake.Node("a");
  fake.Node("b");
  const json::Value budget = FakeCluster::Yaml(
      "{metadata: {namespace: default}, spec: {selector: {matchLabels: {app: web}}}, status: "
      "{disruptionsAllowed: 0}}");
  fake.cluster.PutBudget("default/web", &budget);
  fake.Put("a", "guarded", Spec(1, "4"), "{app: web}");
  fake.Put("b", "free", Spec(10, "4"), "{app: db}");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "1"))), "b: free");
  // On one node the guarded one is the first that may stay.
  fake.Node("c", "{only: here}");
  fake.Put("c", "guarded2", Spec(1, "2"), "{app: web}");
  fake.Put("c", "free2", Spec(10, "2"), "{app: db}");
  EXPECT_EQ(fake.AskPreempt(fake.Pod("p", Spec(20, "1", ", nodeSelector: {only: here}"))),
            "c: free2");
}

TEST(Preempting, WaitsForThoseWhoAreLeaving) {
  FakeCluster fake;
  fake.Node("n");
  const model::PodRef victim = fake.Put(
      "n", "leaving", Spec(1, "4"), "{}",
      "{metadata: {name: leaving, namespace: default, uid: leaving, deletionTimestamp: "
      "'2026-01-01T00:00:00Z'}, status: {conditions: [{type: DisruptionTarget, status: 'True', "
      "reason: PreemptionByScheduler}]}}");
  const model::PodRef pod = fake.Pod("p", Spec(20, "1"));
  fake.cluster.Nominate(pod, fake.cluster.symbols().Of("n"));
  EXPECT_EQ(fake.AskPreempt(pod),
            "no new claims to deallocate, preemption: not eligible due to a terminating pod on the "
            "nominated node.");
  fake.cluster.RemovePod(*victim);
  EXPECT_EQ(fake.AskPreempt(pod), "fits on n");
}

TEST(Preempting, FreesPortsAndPlacesApart) {
  FakeCluster fake;
  fake.Node("n", "{zone: a}");
  fake.Put("n", "port", "{priority: 1, containers: [{ports: [{hostPort: 80}]}]}");
  fake.Put("n", "same", "{priority: 1}", "{app: web}");
  fake.Put("n", "bystander", "{priority: 1}");
  EXPECT_EQ(
      fake.AskPreempt(fake.Pod("p", "{priority: 2, containers: [{ports: [{hostPort: 80}]}]}")),
      "n: port");
  EXPECT_EQ(fake.AskPreempt(
                fake.Pod("q",
                         "{priority: 2, affinity: {podAntiAffinity: "
                         "{requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, "
                         "labelSelector: {matchLabels: {app: web}}}]}}}")),
            "n: same");
}

}  // namespace
}  // namespace keelson::scheduler::decide
