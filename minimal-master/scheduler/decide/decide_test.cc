// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/decide.h"

#include <gtest/gtest.h>

#include <set>

#include "minimal-master/scheduler/decide/fake_cluster.h"

namespace keelson::scheduler::decide {
namespace {

TEST(Decisions, LooksAtEnoughNodes) {
  struct Case {
    size_t all, enough;
  };
  for (const Case& c :
       {Case{1, 1}, {99, 99}, {100, 100}, {250, 120}, {1000, 420}, {5000, 500}, {6000, 300}}) {
    EXPECT_EQ(EnoughNodes(c.all), c.enough) << c.all;
  }
}

TEST(Decisions, TakesTheBestNode) {
  FakeCluster fake;
  fake.Node("small", "{}", "{}", "{cpu: 1, memory: 2Gi, pods: 10}");
  fake.Node("big", "{}", "{}", "{cpu: 16, memory: 32Gi, pods: 10}");
  EXPECT_EQ(fake.Ask(fake.Pod("p",
                              "{containers: [{resources: {requests: {cpu: 500m, memory: "
                              "1Gi}}}]}")),
            "big");
}

TEST(Decisions, EqualsAreChosenByTheRandomSource) {
  FakeCluster fake;
  for (const char* const name : {"a", "b", "c"}) fake.Node(name);
  std::set<std::string> chosen;
  for (uint32_t pick = 0; pick < 3; ++pick) {
    // The n-th of the equals replaces the one before when the source says 0.
    fake.decider = Decider([&](uint32_t bound) { return bound - 1 == pick ? 0u : 1u; });
    chosen.insert(fake.Ask(fake.Pod("p")));
  }
  EXPECT_EQ(chosen, (std::set<std::string>{"a", "b", "c"}));
}

TEST(Decisions, GoesOnWhereItStopped) {
  FakeCluster fake;
  // Of 200 nodes that all fit 100 are looked at: the halves take turns.
  for (int i = 100; i < 300; ++i) fake.Node("n" + std::to_string(i));
  EXPECT_EQ(fake.Ask(fake.Pod("p")), "n100");
  EXPECT_EQ(fake.Ask(fake.Pod("q")), "n200");
  EXPECT_EQ(fake.Ask(fake.Pod("r")), "n100");
}

TEST(Decisions, NodesThatItsTermsNameAreTheOnlyOnesAsked) {
  FakeCluster fake;
  fake.Node("n1");
  fake.Node("n2", "{}", "{taints: [{key: a, effect: NoSchedule}]}");
  const auto named = [](const std::string& name) {
    return "{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
           "{nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [" +
           name + "]}]}]}}}}";
  };
  EXPECT_EQ(fake.Ask(fake.Pod("p", named("n1"))), "n1");
  EXPECT_EQ(fake.Ask(fake.Pod("q", named("n2"))),
            "0/2 nodes are available: 1 node(s) didn't satisfy plugin(s) [NodeAffinity], 1 "
            "node(s) had untolerated taint(s).");
  EXPECT_EQ(fake.Ask(fake.Pod("r", named("gone"))),
            "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity].");
}

TEST(Decisions, TellsOfAllNodesTogether) {
  FakeCluster fake;
  EXPECT_EQ(fake.Ask(fake.Pod("p")), "no nodes available to schedule pods");
  for (int i = 0; i < 10; ++i) fake.Node("n" + std::to_string(i), "{}", "{unschedulable: true}");
  fake.Node("small1", "{}", "{}", "{cpu: 1, memory: 1Gi, pods: 10}");
  fake.Node("small2", "{}", "{}", "{cpu: 1, memory: 4Gi, pods: 10}");
  EXPECT_EQ(fake.Ask(fake.Pod("p",
                              "{containers: [{resources: {requests: {cpu: 2, memory: "
                              "2Gi}}}]}")),
            "0/12 nodes are available: 1 Insufficient memory, 10 node(s) were unschedulable, 2 "
            "Insufficient cpu.");
}

TEST(Decisions, RoomThatWasMadeForSomebodyIsTheirs) {
  FakeCluster fake;
  fake.Node("n");
  const std::string spec = "{priority: 10, containers: [{resources: {requests: {cpu: 3}}}]}";
  const model::PodRef first = fake.Pod("first", spec);
  fake.cluster.Nominate(first, fake.cluster.symbols().Of("n"));
  EXPECT_EQ(fake.Ask(fake.Pod("second", spec)), "0/1 nodes are available: 1 Insufficient cpu.");
  EXPECT_EQ(fake.Ask(first), "n");
  // Whoever is more important need not wait.
  EXPECT_EQ(fake.Ask(fake.Pod("third",
                              "{priority: 11, containers: [{resources: {requests: {cpu: "
                              "3}}}]}")),
            "n");
}

}  // namespace
}  // namespace keelson::scheduler::decide
