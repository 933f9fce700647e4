// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimal-master/scheduler/decide/fake_cluster.h"

namespace keelson::scheduler::decide {
namespace {

using testing::ElementsAre;

Nodes AllOf(const FakeCluster& fake) {
  return {fake.cluster.nodes().begin(), fake.cluster.nodes().end()};
}

TEST(Scores, MarksAreScaledToTheHighest) {
  struct Case {
    std::string_view name;
    std::vector<int64_t> marks;
    bool reverse;
    std::vector<int64_t> out;
  };
  const Case cases[] = {
      {"up", {0, 1, 3}, false, {0, 33, 100}},
      {"down", {0, 1, 3}, true, {100, 67, 0}},
      {"nothing", {0, 0}, false, {0, 0}},
      {"nothing is best", {0, 0}, true, {100, 100}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<int64_t> marks = c.marks;
    Normalize(marks, c.reverse);
    EXPECT_EQ(marks, c.out);
  }
}

TEST(Scores, TaintsAndPreferredLabels) {
  FakeCluster fake;
  fake.Node("n1", "{disk: ssd}", "{taints: [{key: a, effect: PreferNoSchedule}]}");
  fake.Node("n2", "{disk: hdd}");
  fake.Node("n3", "{disk: ssd, fast: net}");
  EXPECT_THAT(ScoreTaints(*fake.Pod("p"), AllOf(fake)), ElementsAre(0, 100, 100));
  EXPECT_THAT(
      ScoreTaints(*fake.Pod("p", "{tolerations: [{key: a, operator: Exists}]}"), AllOf(fake)),
      ElementsAre(100, 100, 100));
  EXPECT_TRUE(ScoreNodeAffinity(*fake.Pod("p"), AllOf(fake)).empty());
  const std::string spec =
      "{affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, "
      "preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}}, {weight: 3, "
      "preference: {matchExpressions: [{key: fast, operator: Exists}]}}]}}}";
  EXPECT_THAT(ScoreNodeAffinity(*fake.Pod("p", spec), AllOf(fake)), ElementsAre(62, 0, 100));
}

TEST(Scores, WhatIsLeftAndHowEvenly) {
  struct Case {
    std::string_view name;
    std::string there;  // requests of what runs
    std::string pod;
    int64_t least, balanced;
  };
  // Of 4 CPUs and 8Gi.
  const Case cases[] = {
      {"an empty node", "", "{cpu: 1, memory: 2Gi}", 75, 100},
      {"half used", "{cpu: 2, memory: 4Gi}", "{cpu: 1, memory: 2Gi}", 25, 100},
      {"only processor", "", "{cpu: 2}", 73, 75},  // (50 + 97) / 2
      {"more than there is", "{cpu: 4, memory: 8Gi}", "{cpu: 1, memory: 1Gi}", 0, 100},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster fake;
    fake.Node("n");
    const auto spec = [](const std::string& requests) {
      return "{containers: [{resources: {requests: " + requests + "}}]}";
    };
    if (!c.there.empty()) fake.Put("n", "other", spec(c.there));
    const model::PodRef pod = fake.Pod("p", spec(c.pod));
    EXPECT_EQ(LeastAllocated(*pod, *AllOf(fake)[0]), c.least);
    EXPECT_EQ(BalancedAllocation(*pod, *AllOf(fake)[0]), c.balanced);
  }
}

TEST(Scores, ImagesThatAreThere) {
  FakeCluster fake;
  const std::string all = "{cpu: 4, memory: 8Gi, pods: 110}";
  fake.Node("n1", "{}", "{}", all, "[{names: ['web:1'], sizeBytes: 524288000}]");  // 500 MiB
  fake.Node("n2");
  // Half of the nodes have it: 250 MiB count; (250 - 23) / (1000 - 23).
  EXPECT_THAT(
      ScoreImages(*fake.Pod("p", "{containers: [{image: 'web:1'}]}"), fake.cluster, AllOf(fake)),
      ElementsAre(23, 0));
  EXPECT_TRUE(
      ScoreImages(*fake.Pod("p", "{containers: [{image: 'web:2'}]}"), fake.cluster, AllOf(fake))
          .empty());
}

TEST(Scores, PodsOfAServiceAreSpreadWithoutBeingAsked) {
  FakeCluster fake;
  fake.Node("n1");
  fake.Node("n2");
  const json::Value service = FakeCluster::Yaml("{spec: {selector: {app: web}}}");
  fake.cluster.PutSelector("Service", "default", "web", &service);
  fake.Put("n1", "one", "{}", "{app: web}");
  const model::Symbol hostname = fake.cluster.symbols().Of("kubernetes.io/hostname");
  const model::Symbol zone = fake.cluster.symbols().Of("topology.kubernetes.io/zone");
  // ln(4) for the one that is there and 2 for a skew of three: 3 against 2.
  EXPECT_THAT(
      ScoreSpread(*fake.Pod("p", "{}", "{app: web}"), fake.cluster, AllOf(fake), hostname, zone),
      ElementsAre(66, 100));
  EXPECT_TRUE(
      ScoreSpread(*fake.Pod("p", "{}", "{app: db}"), fake.cluster, AllOf(fake), hostname, zone)
          .empty());
}

TEST(Scores, ZonesThatSomeWouldRatherHave) {
  FakeCluster fake;
  fake.Node("n1", "{zone: a}");
  fake.Node("n2", "{zone: b}");
  fake.Node("n3");  // without the label it is not asked
  fake.Put("n1", "one", "{}", "{app: web}");
  const model::PodRef pod =
      fake.Pod("p",
               "{topologySpreadConstraints: [{topologyKey: zone, maxSkew: 1, whenUnsatisfiable: "
               "ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}]}",
               "{app: web}");
  EXPECT_THAT(ScoreSpread(*pod, fake.cluster, AllOf(fake), model::kEmpty, model::kEmpty),
              ElementsAre(0, 100, 0));
}

TEST(Scores, NeighboursSomeWouldRatherHave) {
  FakeCluster fake;
  fake.Node("n1", "{zone: a}");
  fake.Node("n2", "{zone: b}");
  fake.Node("n3", "{zone: c}");
  fake.Put("n1", "db", "{}", "{app: db}");
  fake.Put("n3", "noisy", "{}", "{app: noisy}");
  const std::string term = ", podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: ";
  const model::PodRef pod = fake.Pod(
      "p",
      "{affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 10" +
          term +
          "{app: db}}}}]}, podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
          "[{weight: 5" +
          term + "{app: noisy}}}}]}}}");
  EXPECT_THAT(ScoreAffinity(*pod, fake.cluster, AllOf(fake)), ElementsAre(100, 33, 0));
  EXPECT_TRUE(ScoreAffinity(*fake.Pod("q"), fake.cluster, AllOf(fake)).empty());
  // What others prefer counts too.
  fake.Put("n2", "fan",
           "{affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: "
           "1" +
               term + "{app: star}}}}]}}}");
  EXPECT_THAT(ScoreAffinity(*fake.Pod("q", "{}", "{app: star}"), fake.cluster, AllOf(fake)),
              ElementsAre(0, 100, 0));
}

}  // namespace
}  // namespace keelson::scheduler::decide
