// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/queue/hints.h"

#include <gtest/gtest.h>

#include "minimal-master/scheduler/decide/fake_cluster.h"

namespace keelson::scheduler::queue {
namespace {

using decide::FakeCluster;

Waiting Refused(const model::PodRef& pod, uint32_t why) {
  Waiting waiting;
  waiting.pod = pod;
  waiting.why = why;
  return waiting;
}

TEST(Hints, ANodeHelpsWhoMayRunThere) {
  struct Case {
    std::string_view name;
    std::string node_spec = "{}";
    std::string pod_spec = "{}";
    uint32_t why = decide::kCpu;
    bool helps = false;
  };
  const Case cases[] = {
      {.name = "room", .helps = true},
      {.name = "none at all before", .why = decide::kNoNodes, .helps = true},
      {.name = "tainted", .node_spec = "{taints: [{key: a, effect: NoSchedule}]}"},
      {.name = "tolerated",
       .node_spec = "{taints: [{key: a, effect: NoSchedule}]}",
       .pod_spec = "{tolerations: [{operator: Exists}]}",
       .helps = true},
      {.name = "cordoned", .node_spec = "{unschedulable: true}"},
      {.name = "other labels", .pod_spec = "{nodeSelector: {disk: ssd}}"},
      {.name = "too small",
       .pod_spec = "{containers: [{name: a, resources: {requests: {cpu: 5}}}]}"},
      {.name = "large enough",
       .pod_spec = "{containers: [{name: a, resources: {requests: {cpu: 4}}}]}",
       .helps = true},
      {.name = "its claim is missing", .why = decide::kClaims},
      {.name = "spread counts domains everywhere",
       .node_spec = "{unschedulable: true}",
       .why = decide::kSpread,
       .helps = true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeCluster cluster;
    cluster.Node("n", "{}", c.node_spec);
    const model::PodRef pod = cluster.Pod("p", c.pod_spec);
    EXPECT_EQ(
        NodeMayHelp(Refused(pod, c.why), *cluster.cluster.nodes()[0], cluster.UnschedulableTaint()),
        c.helps);
  }
}

TEST(Hints, APodThatGoesHelpsWhoFitsInItsPlace) {
  FakeCluster cluster;
  cluster.Node("n");
  cluster.Put("n", "there", "{containers: [{name: a, resources: {requests: {cpu: 2}}}]}");
  const model::Node* node = cluster.cluster.nodes()[0];
  const model::Taint taint = cluster.UnschedulableTaint();
  const model::PodRef small =
      cluster.Pod("s", "{containers: [{name: a, resources: {requests: {cpu: 2}}}]}");
  const model::PodRef large =
      cluster.Pod("l", "{containers: [{name: a, resources: {requests: {cpu: 3}}}]}");
  EXPECT_TRUE(RoomMayHelp(Refused(small, decide::kCpu), node, taint));
  EXPECT_FALSE(RoomMayHelp(Refused(large, decide::kCpu), node, taint));
  EXPECT_FALSE(RoomMayHelp(Refused(small, decide::kTaint), node, taint));
  EXPECT_FALSE(RoomMayHelp(Refused(small, decide::kCpu), nullptr, taint));
  EXPECT_TRUE(RoomMayHelp(Refused(large, decide::kExistingAntiAffinity), node, taint));
}

TEST(Hints, CompanyHelpsWhoAskedForIt) {
  FakeCluster cluster;
  cluster.Node("n");
  const model::PodRef pod = cluster.Pod("p", R"({affinity: {podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname,
      labelSelector: {matchLabels: {app: db}}}]}}})");
  const model::PodRef spread = cluster.Pod("s", R"({topologySpreadConstraints: [{maxSkew: 1,
    topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule,
    labelSelector: {matchLabels: {app: web}}}]})");
  const model::PodRef db = cluster.Put("n", "db", "{}", "{app: db}");
  const model::PodRef web = cluster.Put("n", "web", "{}", "{app: web}");
  const model::PodRef elsewhere = cluster.Put("n", "db2", "{}", "{app: db}", "{}", "other");
  const model::Cluster& all = cluster.cluster;
  EXPECT_TRUE(CompanyMayHelp(Refused(pod, decide::kPodAffinity), *db, all));
  EXPECT_FALSE(CompanyMayHelp(Refused(pod, decide::kPodAffinity), *web, all));
  EXPECT_FALSE(CompanyMayHelp(Refused(pod, decide::kPodAffinity), *elsewhere, all));
  EXPECT_FALSE(CompanyMayHelp(Refused(pod, decide::kCpu), *db, all));
  EXPECT_TRUE(CompanyMayHelp(Refused(spread, decide::kSpread), *web, all));
  EXPECT_FALSE(CompanyMayHelp(Refused(spread, decide::kSpread), *db, all));
  EXPECT_TRUE(NamespaceMayHelp(Refused(pod, decide::kPodAffinity)));
  EXPECT_TRUE(ClaimsMayHelp(Refused(pod, decide::kClaims)));
  EXPECT_FALSE(ClaimsMayHelp(Refused(pod, decide::kCpu)));
}

}  // namespace
}  // namespace keelson::scheduler::queue
