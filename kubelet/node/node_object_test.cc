// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/node_object.h"

#include <gtest/gtest.h>

namespace keelson::node {
namespace {

constexpr int64_t kThen = 1'767'323'045'000'000'000, kNow = kThen + 60'000'000'000;

NodeFacts Facts() {
  NodeFacts facts;
  facts.name = "a";
  facts.addresses = {"192.0.2.7"};
  facts.labels = {{"pool", "blue"}};
  facts.taints = {{"k", "v", "NoSchedule"}};
  facts.capacity = {.milli_cpu = 4000, .memory_bytes = int64_t{8} << 30, .storage_bytes = 1000};
  facts.allocatable = {
      .milli_cpu = 3500, .memory_bytes = int64_t{7} << 30, .pods = 110, .storage_bytes = 900};
  facts.architecture = "amd64";
  facts.kubelet_version = "v1.35.0";
  return facts;
}
std::string ConditionOf(const json::Value& status, const std::string& type, const char* part) {
  for (const json::Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return condition.At({part}).AsString();
  }
  return "";
}

TEST(NodeObject, HasTheLabelsThatEveryNodeHasAndItsOwn) {
  const json::Value node = NodeObject(Facts());
  EXPECT_EQ(json::WriteJson(node.At({"metadata", "labels"})),
            R"({"beta.kubernetes.io/arch":"amd64","beta.kubernetes.io/os":"linux",)"
            R"("kubernetes.io/arch":"amd64","kubernetes.io/hostname":"a",)"
            R"("kubernetes.io/os":"linux","pool":"blue"})");
  EXPECT_EQ(json::WriteJson(node.At({"spec", "taints"})),
            R"([{"key":"k","value":"v","effect":"NoSchedule"}])");
  EXPECT_FALSE(PlanLabels(Facts(), node));
  json::Value other = node;
  other.Find("metadata")->Find("labels")->Set("pool", json::Value("red"));
  other.Find("metadata")->Find("labels")->Set("theirs", json::Value("1"));
  EXPECT_EQ(json::WriteJson(PlanLabels(Facts(), other).value()),
            R"({"metadata":{"labels":{"pool":"blue"}}})");
}

TEST(NodeStatus, SaysWhatThereIsAndThatItIsReady) {
  const json::Value status = NodeStatus(Facts(), {}, {}, kNow);
  EXPECT_EQ(json::WriteJson(status.At({"capacity"})),
            R"({"cpu":"4","ephemeral-storage":"1000","memory":"8388608Ki","pods":"110"})");
  EXPECT_EQ(status.At({"allocatable", "cpu"}).AsString(), "3500m");
  EXPECT_EQ(json::WriteJson(status.At({"addresses"})),
            R"([{"type":"InternalIP","address":"192.0.2.7"},{"type":"Hostname","address":"a"}])");
  EXPECT_EQ(status.At({"daemonEndpoints", "kubeletEndpoint", "Port"}).AsInt(), 10250);
  EXPECT_EQ(ConditionOf(status, "Ready", "reason"), "KubeletReady");
  EXPECT_EQ(ConditionOf(status, "DiskPressure", "status"), "False");
}

TEST(NodeStatus, KeepsSinceWhenAConditionHolds) {
  const json::Value before = NodeStatus(Facts(), {}, {}, kThen);
  const json::Value same = NodeStatus(Facts(), {}, before, kNow);
  EXPECT_EQ(ConditionOf(same, "Ready", "lastTransitionTime"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(ConditionOf(same, "Ready", "lastHeartbeatTime"), "2026-01-02T03:05:05Z");
  EXPECT_FALSE(Differs(before, same));
  const NodeHealth sick{.not_ready = {"one", "two"}, .memory_pressure = true};
  const json::Value other = NodeStatus(Facts(), sick, before, kNow);
  EXPECT_TRUE(Differs(before, other));
  EXPECT_EQ(ConditionOf(other, "Ready", "lastTransitionTime"), "2026-01-02T03:05:05Z");
  EXPECT_EQ(ConditionOf(other, "Ready", "message"), "[one, two]");
  EXPECT_EQ(ConditionOf(other, "MemoryPressure", "reason"), "KubeletHasInsufficientMemory");
}

TEST(NodeStatus, ShowsTheLargestImages) {
  NodeHealth health;
  for (int i = 0; i < 60; ++i) health.images.push_back({{"i" + std::to_string(i)}, i});
  const json::Value status = NodeStatus(Facts(), health, {}, kNow);
  ASSERT_EQ(status.At({"images"}).items().size(), 50u);
  EXPECT_EQ(status.At({"images"}).items()[0].At({"sizeBytes"}).AsInt(), 59);
}

TEST(NodeStatus, AddressesThatChangedReplaceTheFormer) {
  const json::Value before = NodeStatus(Facts(), {}, {}, kThen);
  NodeFacts moved = Facts();
  moved.addresses = {"192.0.2.8"};
  const json::Value patch = StatusPatch(before, NodeStatus(moved, {}, before, kNow));
  EXPECT_EQ(patch.At({"status", "addresses"}).items().at(0).At({"$patch"}).AsString(), "replace");
  EXPECT_EQ(patch.At({"status", "addresses"}).items().size(), 3u);
}

TEST(NodeLease, IsTheNodesAndKeepsWhatItWas) {
  NodeFacts facts;
  facts.name = "a";
  const json::Value first = LeaseObject(facts, "u", {}, kThen + 1000);
  EXPECT_EQ(json::WriteJson(first.At({"spec"})),
            R"({"holderIdentity":"a","leaseDurationSeconds":40,)"
            R"("renewTime":"2026-01-02T03:04:05.000001Z"})");
  EXPECT_EQ(first.At({"metadata", "ownerReferences"}).items().at(0).At({"uid"}).AsString(), "u");
  json::Value known = first;
  known.Find("metadata")->Set("resourceVersion", json::Value("7"));
  facts.lease_seconds = 10;
  const json::Value next = LeaseObject(facts, "u", known, kNow);
  EXPECT_EQ(next.At({"spec", "leaseDurationSeconds"}).AsInt(), 10);
  EXPECT_EQ(next.At({"metadata", "resourceVersion"}).AsString(), "7");
  EXPECT_EQ(next.At({"spec", "renewTime"}).AsString(), "2026-01-02T03:05:05.000000Z");
}

TEST(NodeFlags, TaintsAndLabelsAreReadOrRefused) {
  const auto taints = ParseTaints("a=b:NoSchedule,c:NoExecute");
  ASSERT_TRUE(taints.ok());
  ASSERT_EQ(taints->size(), 2u);
  EXPECT_EQ((*taints)[0].value, "b");
  EXPECT_EQ((*taints)[1].key, "c");
  EXPECT_FALSE(ParseTaints("a=b").ok());
  EXPECT_FALSE(ParseTaints("a:Never").ok());
  EXPECT_EQ(ParseLabels("a=b,c=").value().at("c"), "");
  EXPECT_FALSE(ParseLabels("a").ok());
}

}  // namespace
}  // namespace keelson::node
