// SPDX-License-Identifier: Apache-2.0
// The scheduler against the server in this process: nodes and kubelets are what the test writes.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;

constexpr char kPods[] = "/api/v1/namespaces/default/pods";

const Value& ConditionOf(const Value& pod, std::string_view type) {
  static const Value none;
  for (const Value& condition : pod.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return condition;
  }
  return none;
}

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.WaitFor("/api/v1/namespaces/default/serviceaccounts/default",
                    [](const Value& account) { return account.IsObject(); });
  }
  // `labels` and `spec` are YAML flows. Every node has its name as its hostname.
  void Node(const std::string& name, const std::string& spec = "{}", int cpu = 4,
            const std::string& labels = "") {
    server_.Do(
        "POST", "/api/v1/nodes",
        fmt::format("{{apiVersion: v1, kind: Node, metadata: {{name: {0}, labels: "
                    "{{kubernetes.io/hostname: {0}{1}}}}}, spec: {2}, status: {{allocatable: "
                    "{{cpu: {3}, memory: 8Gi, pods: 110}}}}}}",
                    name, labels, spec, cpu));
    // Its kubelet says that it is ready: the taint of new nodes goes.
    Value patch;
    const Value taints = json::ParseYaml(spec)->At({"taints"});
    patch.Set("spec", Value::Object({{"taints", taints}}));
    server_.Do("PATCH", "/api/v1/nodes/" + name, json::WriteJson(patch));
  }
  void Pod(const std::string& name, const std::string& spec = "", const std::string& cpu = "1",
           const std::string& labels = "{}") {
    server_.Do(
        "POST", kPods,
        fmt::format("{{apiVersion: v1, kind: Pod, metadata: {{name: {}, labels: {}}}, spec: "
                    "{{containers: [{{name: c, image: i, resources: {{requests: {{cpu: {}}}}}"
                    "}}]{}{}}}}}",
                    name, labels, cpu, spec.empty() ? "" : ", ", spec));
  }
  static std::string PathOf(const std::string& name) { return std::string(kPods) + "/" + name; }
  std::string NodeOf(const std::string& name) {
    return server_
        .WaitFor(PathOf(name),
                 [](const Value& pod) { return !pod.At({"spec", "nodeName"}).AsString().empty(); })
        .At({"spec", "nodeName"})
        .AsString();
  }
  // Why it has no node.
  std::string WhyNot(const std::string& name) {
    const Value pod = server_.WaitFor(PathOf(name), [](const Value& now) {
      return ConditionOf(now, "PodScheduled").At({"status"}).AsString() == "False";
    });
    const Value& condition = ConditionOf(pod, "PodScheduled");
    return condition.At({"reason"}).AsString() + ": " + condition.At({"message"}).AsString();
  }
  // Of the first event with this reason.
  std::string EventOf(const std::string& name, const std::string& reason) {
    std::string message;
    server_.WaitFor("/api/v1/namespaces/default/events", [&](const Value& events) {
      for (const Value& event : events.At({"items"}).items()) {
        if (event.At({"involvedObject", "name"}).AsString() != name ||
            event.At({"reason"}).AsString() != reason)
          continue;
        message = event.At({"type"}).AsString() + " from " +
                  event.At({"source", "component"}).AsString() + ": " +
                  event.At({"message"}).AsString();
        return true;
      }
      return false;
    });
    return message;
  }
  // As its kubelet: it has ended.
  void End(const std::string& name) {
    server_.Do("DELETE", PathOf(name),
               R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0})");
  }

  ControlledServer server_{{.enabled = {"serviceaccount-controller"}}, true};
};

TEST_F(SchedulerTest, APodGetsANodeAConditionAndAnEvent) {
  Node("one");
  Pod("a");
  EXPECT_EQ(NodeOf("a"), "one");
  const Value pod = server_.Get(PathOf("a"));
  EXPECT_EQ(ConditionOf(pod, "PodScheduled").At({"status"}).AsString(), "True");
  EXPECT_EQ(EventOf("a", "Scheduled"),
            "Normal from default-scheduler: Successfully assigned default/a to one");
}

TEST_F(SchedulerTest, PodsGoWhereMostIsLeft) {
  Node("small", "{}", 2);
  Node("large", "{}", 8);
  Pod("a");
  EXPECT_EQ(NodeOf("a"), "large");
  Pod("b", "nodeSelector: {kubernetes.io/hostname: small}");
  EXPECT_EQ(NodeOf("b"), "small");
}

TEST_F(SchedulerTest, WhatFitsNowhereIsToldAndGetsTheNodeThatComes) {
  Pod("first");
  EXPECT_EQ(WhyNot("first"), "Unschedulable: no nodes available to schedule pods");
  Node("small", "{}", 2);
  Node("tainted", "{taints: [{key: dedicated, value: db, effect: NoSchedule}]}");
  server_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(NodeOf("first"), "small");
  Pod("a", "", "3");
  EXPECT_EQ(WhyNot("a"),
            "Unschedulable: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated "
            "taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 2 "
            "Preemption is not helpful for scheduling.");
  EXPECT_TRUE(EventOf("a", "FailedScheduling").starts_with("Warning from default-scheduler: "));
  Node("large");
  server_.clock().Advance(std::chrono::seconds(10));
  EXPECT_EQ(NodeOf("a"), "large");
  Pod("b", "tolerations: [{key: dedicated, operator: Exists}]", "4");
  EXPECT_EQ(NodeOf("b"), "tainted");
}

TEST_F(SchedulerTest, ACordonedNodeTakesNobodyUntilItIsFree) {
  Node("one", "{unschedulable: true}");
  Pod("a");
  EXPECT_TRUE(
      WhyNot("a").starts_with("Unschedulable: 0/1 nodes are available: 1 node(s) were "
                              "unschedulable."));
  server_.Do("PATCH", "/api/v1/nodes/one", R"({"spec":{"unschedulable":null,"taints":null}})");
  server_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(NodeOf("a"), "one");
}

TEST_F(SchedulerTest, AffinityAndSpreadAreKept) {
  Node("a1", "{}", 4, ", zone: a");
  Node("a2", "{}", 4, ", zone: a");
  Node("b1", "{}", 4, ", zone: b");
  Pod("db", "nodeSelector: {kubernetes.io/hostname: b1}", "1", "{app: db}");
  EXPECT_EQ(NodeOf("db"), "b1");
  const std::string terms =
      "{requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: "
      "{matchLabels: {app: db}}}]}";
  Pod("near", "affinity: {podAffinity: " + terms + "}");
  EXPECT_EQ(NodeOf("near"), "b1");
  Pod("away", "affinity: {podAntiAffinity: " + terms + "}");
  EXPECT_NE(NodeOf("away"), "b1");
  const std::string spread =
      "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: "
      "DoNotSchedule, labelSelector: {matchLabels: {app: web}}}]";
  int in_b = 0;
  for (const char* const name : {"w1", "w2", "w3", "w4"}) {
    Pod(name, spread, "100m", "{app: web}");
    if (NodeOf(name) == "b1") ++in_b;
  }
  EXPECT_EQ(in_b, 2);
}

TEST_F(SchedulerTest, WhoWaitsForCompanyGetsIt) {
  Node("one");
  Pod("a",
      "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: "
      "kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}}");
  EXPECT_TRUE(WhyNot("a").starts_with(
      "Unschedulable: 0/1 nodes are available: 1 node(s) didn't match pod affinity rules."));
  Pod("db", "", "1", "{app: db}");
  EXPECT_EQ(NodeOf("db"), "one");
  server_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(NodeOf("a"), "one");
}

TEST_F(SchedulerTest, AHostPortIsGivenOnce) {
  Node("one");
  const auto pod = [&](const std::string& name) {
    server_.Do("POST", kPods,
               "{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                   "}, spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, "
                   "hostPort: 8080}]}]}}");
  };
  pod("a");
  EXPECT_EQ(NodeOf("a"), "one");
  pod("b");
  EXPECT_TRUE(WhyNot("b").starts_with(
      "Unschedulable: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested "
      "pod ports."));
  End("a");
  server_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(NodeOf("b"), "one");
}

TEST_F(SchedulerTest, AnImportantPodTakesTheRoomOfOthers) {
  server_.Do(
      "POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
      "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: "
      "1000}");
  Node("one", "{}", 2);
  Pod("a", "", "2");
  EXPECT_EQ(NodeOf("a"), "one");
  Pod("b", "priorityClassName: high", "2");
  const Value victim = server_.WaitFor(PathOf("a"), [](const Value& pod) {
    return pod.At({"metadata", "deletionTimestamp"}).IsString();
  });
  const Value& target = ConditionOf(victim, "DisruptionTarget");
  EXPECT_EQ(target.At({"reason"}).AsString(), "PreemptionByScheduler");
  EXPECT_EQ(target.At({"message"}).AsString(),
            "default-scheduler: preempting to accommodate a higher priority pod");
  const Value waiting = server_.WaitFor(PathOf("b"), [](const Value& pod) {
    return pod.At({"status", "nominatedNodeName"}).AsString() == "one";
  });
  EXPECT_EQ(EventOf("a", "Preempted"), "Normal from default-scheduler: Preempted by pod " +
                                           waiting.At({"metadata", "uid"}).AsString() +
                                           " on node one");
  End("a");
  server_.clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(NodeOf("b"), "one");
  EXPECT_TRUE(server_.Get(PathOf("b")).At({"status", "nominatedNodeName"}).IsNull());
}

TEST_F(SchedulerTest, GatesAndOtherSchedulersKeepPodsBack) {
  Node("one");
  Pod("gated", "schedulingGates: [{name: g}]");
  Pod("theirs", "schedulerName: theirs");
  Pod("a");
  EXPECT_EQ(NodeOf("a"), "one");
  server_.WaitForQuiet();
  EXPECT_EQ(ConditionOf(server_.Get(PathOf("gated")), "PodScheduled").At({"reason"}).AsString(),
            "SchedulingGated");
  EXPECT_TRUE(server_.Get(PathOf("theirs")).At({"status", "conditions"}).items().empty());
  server_.Do("PATCH", PathOf("gated"), R"({"spec":{"schedulingGates":null}})");
  EXPECT_EQ(NodeOf("gated"), "one");
}

}  // namespace
}  // namespace keelson::golden
