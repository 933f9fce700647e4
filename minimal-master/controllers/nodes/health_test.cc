// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/health.h"

#include <gtest/gtest.h>

#include "minimal-master/control/times.h"

namespace keelson::controllers::nodes {
namespace {

using json::Value;

Value Yaml(const char* text) { return *json::ParseYaml(text); }
int64_t Now() { return *control::ReadTime("2026-01-01T00:10:00Z"); }

TEST(NodeHealth, ReadsTheNode) {
  EXPECT_EQ(ReadyOf(Yaml("{}")), Ready::kNever);
  const Value node = Yaml(
      "{status: {conditions: [{type: Ready, status: 'True', lastHeartbeatTime: x}]}, metadata: "
      "{labels: {topology.kubernetes.io/zone: z}}}");
  EXPECT_EQ(ReadyOf(node), Ready::kTrue);
  EXPECT_EQ(HeartbeatOf(node), "x");
  EXPECT_EQ(ZoneOf(node), std::string(":\0:z", 4));
  EXPECT_EQ(ZoneOf(Yaml("{}")), "");
}

TEST(NodeHealth, ASilentNodesConditionsBecomeUnknown) {
  const auto write = PlanSilence(
      Yaml(
          "{metadata: {name: n, creationTimestamp: '2026-01-01T00:00:00Z'}, status: {conditions: "
          "[{type: Ready, status: 'True', reason: KubeletReady, message: m, lastTransitionTime: a, "
          "lastHeartbeatTime: b}, {type: NetworkUnavailable, status: 'False'}, {type: "
          "DiskPressure, status: Unknown, reason: kept}]}}"),
      Now());
  ASSERT_TRUE(write);
  EXPECT_EQ(write->subresource, "status");
  EXPECT_EQ(
      write->body.At({"status"}),
      Yaml("{conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown, message: "
           "Kubelet stopped posting node status., lastTransitionTime: "
           "'2026-01-01T00:10:00Z', lastHeartbeatTime: b}, {type: NetworkUnavailable, status: "
           "'False'}, {type: DiskPressure, status: Unknown, reason: kept}, {type: "
           "MemoryPressure, status: Unknown, lastHeartbeatTime: '2026-01-01T00:00:00Z', "
           "lastTransitionTime: '2026-01-01T00:10:00Z', reason: NodeStatusNeverUpdated, "
           "message: Kubelet never posted node status.}, {type: PIDPressure, status: Unknown, "
           "lastHeartbeatTime: '2026-01-01T00:00:00Z', lastTransitionTime: "
           "'2026-01-01T00:10:00Z', reason: NodeStatusNeverUpdated, message: Kubelet never "
           "posted node status.}]}"));
  EXPECT_FALSE(PlanSilence(write->body, Now()));
}

TEST(NodeHealth, PodsOfASilentNodeAreNotReady) {
  const auto write = PlanPodNotReady(
      Yaml("{metadata: {name: p, namespace: a}, status: {conditions: [{type: Ready, status: "
           "'True', lastTransitionTime: x}, {type: Initialized, status: 'True'}]}}"),
      Now());
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"status"}),
            Yaml("{conditions: [{type: Ready, status: 'False', lastTransitionTime: "
                 "'2026-01-01T00:10:00Z'}, {type: Initialized, status: 'True'}]}"));
  EXPECT_FALSE(PlanPodNotReady(write->body, Now()));
  EXPECT_FALSE(PlanPodNotReady(Yaml("{status: {conditions: []}}"), Now()));
}

}  // namespace
}  // namespace keelson::controllers::nodes
