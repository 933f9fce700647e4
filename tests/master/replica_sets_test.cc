// SPDX-License-Identifier: Apache-2.0
// Replica sets and replication controllers against the server in this process.
#include <gmock/gmock.h>

#include "tests/master/workloads.h"

namespace keelson::golden {
namespace {

using json::Value;
using ::testing::HasSubstr;

const std::string kSets = "/apis/apps/v1/namespaces/default/replicasets";
const std::string kControllers = "/api/v1/namespaces/default/replicationcontrollers";
const std::string kPods = "/api/v1/namespaces/default/pods";

std::string Set(const std::string& name, int replicas, const std::string& container = "") {
  return "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: " + name +
         "}, spec: {replicas: " + std::to_string(replicas) +
         ", selector: {matchLabels: {app: " + name +
         "}}, template: {metadata: {labels: {app: " + name +
         "}}, spec: {containers: [{name: c, image: x" + container + "}]}}}}";
}

auto Has(const std::string& member, int64_t number) {
  return [=](const Value& set) { return set.At({"status", member}).AsInt() == number; };
}

TEST(ReplicaSets, HaveAsManyPodsAsWantedAndCountThem) {
  WorkloadServer server;
  server.Do("POST", kSets, Set("web", 7));
  const Value set = ServeUntil(server, kSets + "/web", Has("availableReplicas", 7));
  EXPECT_EQ(set.At({"status", "fullyLabeledReplicas"}).AsInt(), 7);
  EXPECT_EQ(set.At({"status", "observedGeneration"}).AsInt(), 1);
  const std::vector<Value> pods = PodsOf(server, "?labelSelector=app%3Dweb");
  ASSERT_EQ(pods.size(), 7u);
  EXPECT_TRUE(pods[0].At({"metadata", "name"}).AsString().starts_with("web-"));
  const Value& owner = pods[0].At({"metadata", "ownerReferences"}).items()[0];
  EXPECT_EQ(owner.At({"uid"}), set.At({"metadata", "uid"}));
  EXPECT_TRUE(owner.At({"controller"}).AsBool());

  server.Do("PATCH", kSets + "/web/scale", R"({"spec":{"replicas":2}})");
  Until(server, kSets + "/web", [&](const Value& now) {
    return Has("replicas", 2)(now) && now.At({"status", "observedGeneration"}).AsInt() == 2;
  });
  EXPECT_EQ(PodsOf(server).size(), 2u);
  // One that is lost is made again.
  server.Do("DELETE", kPods + "/" + PodsOf(server)[0].At({"metadata", "name"}).AsString());
  ServeUntil(server, kSets + "/web", Has("availableReplicas", 2));
}

TEST(ReplicaSets, TakeUpPodsAndLetThemGo) {
  WorkloadServer server;
  server.Do("POST", kPods,
            "{apiVersion: v1, kind: Pod, metadata: {name: lone, labels: {app: web}}, "
            "spec: {containers: [{name: c, image: x}]}}");
  server.Do("POST", kSets, Set("web", 1));
  Until(server, kSets + "/web", Has("replicas", 1));
  server.WaitForQuiet();
  ASSERT_EQ(PodsOf(server).size(), 1u);
  const Value lone = server.Get(kPods + "/lone");
  ASSERT_EQ(lone.At({"metadata", "ownerReferences"}).items().size(), 1u);
  // Labelled away it is nobody's, and another is made.
  server.Do("PATCH", kPods + "/lone", R"({"metadata":{"labels":{"app":"other"}}})");
  Until(server, kPods + "/lone",
        [](const Value& pod) { return pod.At({"metadata", "ownerReferences"}).items().empty(); });
  Until(server, kPods, [](const Value& pods) { return pods.At({"items"}).items().size() == 2; });
}

TEST(ReplicaSets, TellWhyTheyHaveNoPods) {
  WorkloadServer server;
  // Refused for each pod: the class is not there.
  server.Do("POST", kSets,
            Set("web", 3, "}], priorityClassName: none, initContainers: [{name: i, image: x"));
  const Value set = Until(server, kSets + "/web", [](const Value& now) {
    return ConditionOf(now, "ReplicaFailure") == "True FailedCreate";
  });
  EXPECT_THAT(set.At({"status", "conditions"}).items()[0].At({"message"}).AsString(),
              HasSubstr("no PriorityClass with name none was found"));
  server.Do("POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
            "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: none}, "
            "value: 5}");
  server.WaitForQuiet();
  server.clock().Advance(std::chrono::minutes(20));  // beyond the back-off
  Until(server, kSets + "/web", [](const Value& now) {
    return Has("replicas", 3)(now) && ConditionOf(now, "ReplicaFailure").empty();
  });
}

TEST(ReplicationControllers, AreReplicaSetsWithOtherWords) {
  WorkloadServer server;
  server.Do("POST", kControllers,
            "{apiVersion: v1, kind: ReplicationController, metadata: {name: old}, spec: {replicas: "
            "3, selector: {app: old}, template: {metadata: {labels: {app: old}}, spec: "
            "{containers: [{name: c, image: x}]}}}}");
  ServeUntil(server, kControllers + "/old", Has("availableReplicas", 3));
  const std::vector<Value> pods = PodsOf(server);
  ASSERT_EQ(pods.size(), 3u);
  const Value& owner = pods[0].At({"metadata", "ownerReferences"}).items()[0];
  EXPECT_EQ(owner.At({"kind"}).AsString(), "ReplicationController");
  EXPECT_EQ(owner.At({"apiVersion"}).AsString(), "v1");
  server.Do("PATCH", kControllers + "/old", R"({"spec":{"replicas":0}})");
  Until(server, kPods, [](const Value& list) { return list.At({"items"}).items().empty(); });
}

}  // namespace
}  // namespace keelson::golden
