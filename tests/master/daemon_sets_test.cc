// SPDX-License-Identifier: Apache-2.0
// Daemon sets on five nodes against the server in this process, by the requests that kubectl makes.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/master/workloads.h"

namespace keelson::golden {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kSets = "/apis/apps/v1/namespaces/default/daemonsets";
const std::string kLog = kSets + "/log";
const std::string kRevisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
const std::string kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kStrategic = "application/strategic-merge-patch+json";

// The node whose pod it is.
std::string NodeOf(const Value& pod) {
  const Value& terms =
      pod.At({"spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
              "nodeSelectorTerms"});
  const Value& field = terms.items().at(0).At({"matchFields"}).items().at(0);
  return field.At({"values"}).items().at(0).AsString();
}

class DaemonSets : public testing::Test {
 protected:
  DaemonSets() {
    for (const char* name : {"n1", "n2", "n3", "n4", "n5"}) Join(name);
  }
  // What looks after nodes does not run: they are as the test says.
  static controllers::Settings Without() {
    controllers::Settings settings;
    settings.enabled = {"*", "-node-lifecycle-controller"};
    return settings;
  }
  void Join(const std::string& name) {
    server_.Do("POST", "/api/v1/nodes",
               "{apiVersion: v1, kind: Node, metadata: {name: " + name + ", labels: {disk: ssd}}}");
    SetTaints(name, "null");
  }
  void SetTaints(const std::string& name, const std::string& taints) {
    server_.Do("PATCH", "/api/v1/nodes/" + name, R"({"spec":{"taints":)" + taints + "}}");
  }
  void Create(const std::string& strategy = "", const std::string& pod_spec = "") {
    server_.Do("POST", kSets,
               "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: log}, spec: {" + strategy +
                   "selector: {matchLabels: {app: log}}, template: {metadata: {labels: {app: "
                   "log}}, spec: {" +
                   pod_spec + "containers: [{name: c, image: one}]}}}}");
  }
  void SetImage(const std::string& image) {
    Patch(server_, kLog, kStrategic,
          R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":")" + image +
              R"("}]}}}})");
  }
  // What `kubectl rollout status` waits for.
  static bool IsRolledOut(const Value& set) {
    const Value& status = set.At({"status"});
    const int64_t wanted = status.At({"desiredNumberScheduled"}).AsInt();
    return status.At({"observedGeneration"}) == set.At({"metadata", "generation"}) &&
           status.At({"updatedNumberScheduled"}).AsInt() == wanted &&
           status.At({"numberAvailable"}).AsInt() == wanted && wanted > 0;
  }
  std::map<std::string, std::string> Images() {
    std::map<std::string, std::string> out;
    for (const Value& pod : PodsOf(server_)) {
      out[NodeOf(pod)] = pod.At({"spec", "containers"}).items()[0].At({"image"}).AsString();
    }
    return out;
  }

  WorkloadServer server_{Without()};
};

TEST_F(DaemonSets, HaveAPodOnEachNode) {
  Create();
  const Value set = ServeUntil(server_, kLog, IsRolledOut);
  EXPECT_EQ(set.At({"status", "desiredNumberScheduled"}).AsInt(), 5);
  EXPECT_EQ(PodsOf(server_).size(), 5u);
  EXPECT_EQ(Images().size(), 5u);
  const Value pod = PodsOf(server_)[0];
  const Value revisions = server_.Get(kRevisions);
  ASSERT_EQ(revisions.At({"items"}).items().size(), 1u);
  EXPECT_EQ(pod.At({"metadata", "labels", "controller-revision-hash"}).AsString(),
            revisions.At({"items"})
                .items()[0]
                .At({"metadata", "labels", "controller-revision-hash"})
                .AsString());
  EXPECT_EQ(pod.At({"metadata", "labels", "pod-template-generation"}).AsString(), "1");
  EXPECT_EQ(pod.At({"spec", "tolerations"}).items().size(), 6u);
}

TEST_F(DaemonSets, FollowTheNodes) {
  Create("", "nodeSelector: {disk: ssd}, ");
  ServeUntil(server_, kLog, IsRolledOut);
  Join("n6");
  ServeUntil(server_, kLog, [](const Value& set) {
    return IsRolledOut(set) && set.At({"status", "numberReady"}).AsInt() == 6;
  });
  server_.Do("PATCH", "/api/v1/nodes/n2", R"({"metadata":{"labels":{"disk":"tape"}}})");
  SetTaints("n3", R"([{"key":"x","effect":"NoSchedule"}])");
  SetTaints("n4", R"([{"key":"x","effect":"NoExecute"}])");
  Until(server_, kLog, [](const Value& set) {
    return set.At({"status", "desiredNumberScheduled"}).AsInt() == 3 &&
           set.At({"status", "numberMisscheduled"}).AsInt() == 1;
  });
  std::set<std::string> nodes;
  for (const Value& pod : PodsOf(server_)) nodes.insert(NodeOf(pod));
  EXPECT_THAT(nodes, ElementsAre("n1", "n3", "n5", "n6"));
}

TEST_F(DaemonSets, AreUpdatedNodeByNodeAndUndone) {
  Create();
  ServeUntil(server_, kLog, IsRolledOut);
  SetImage("two");
  ServeUntil(server_, kLog, [&](const Value& set) {
    size_t ready = 0;
    for (const Value& pod : PodsOf(server_)) {
      ready += ConditionOf(pod, "Ready").starts_with("True") ? 1 : 0;
    }
    EXPECT_GE(ready, 4u);
    return IsRolledOut(set);
  });
  Until(server_, kPods, [](const Value& pods) { return pods.At({"items"}).items().size() == 5; });
  for (const auto& [node, image] : Images()) EXPECT_EQ(image, "two");

  // kubectl rollout history and undo: revisions are patches of the set.
  std::map<int64_t, Value> history;
  const Value revisions = server_.Get(kRevisions);
  for (const Value& revision : revisions.At({"items"}).items()) {
    history[revision.At({"revision"}).AsInt()] = revision.At({"data"});
  }
  ASSERT_EQ(history.size(), 2u);
  Patch(server_, kLog, kStrategic, json::WriteJson(history[1]));
  ServeUntil(server_, kLog, IsRolledOut);
  Until(server_, kPods, [](const Value& pods) { return pods.At({"items"}).items().size() == 5; });
  for (const auto& [node, image] : Images()) EXPECT_EQ(image, "one");
  Until(server_, kRevisions, [](const Value& list) {
    const std::vector<Value>& items = list.At({"items"}).items();
    return items.size() == 2 && std::any_of(items.begin(), items.end(), [](const Value& revision) {
             return revision.At({"revision"}).AsInt() == 3;
           });
  });
}

TEST_F(DaemonSets, SurgeBesideWhatRuns) {
  Create("updateStrategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 0}}, ");
  ServeUntil(server_, kLog, IsRolledOut);
  SetImage("two");
  ServeUntil(server_, kLog, [&](const Value& set) {
    size_t ready = 0;
    const std::vector<Value> pods = PodsOf(server_);
    // One that is going is replaced already: its node is beside none any more.
    size_t staying = 0;
    for (const Value& pod : pods) {
      ready += ConditionOf(pod, "Ready").starts_with("True") ? 1 : 0;
      staying += pod.At({"metadata", "deletionTimestamp"}).IsNull() ? 1 : 0;
    }
    EXPECT_LE(staying, 7u);
    EXPECT_GE(ready, 5u);
    return IsRolledOut(set);
  });
  Until(server_, kPods, [](const Value& pods) { return pods.At({"items"}).items().size() == 5; });
}

TEST_F(DaemonSets, WaitForHandsWhenToldTo) {
  Create("updateStrategy: {type: OnDelete}, ");
  const auto counts = [](int64_t updated) {
    return [=](const Value& set) {
      const Value& status = set.At({"status"});
      return status.At({"observedGeneration"}) == set.At({"metadata", "generation"}) &&
             status.At({"numberAvailable"}).AsInt() == 5 &&
             status.At({"updatedNumberScheduled"}).AsInt() == updated;
    };
  };
  ServeUntil(server_, kLog, counts(5));
  SetImage("two");
  ServeUntil(server_, kLog, counts(0));
  server_.WaitForQuiet();
  for (const auto& [node, image] : Images()) EXPECT_EQ(image, "one");
  server_.Do("DELETE", kPods + "/" + PodsOf(server_)[0].At({"metadata", "name"}).AsString());
  ServeUntil(server_, kLog, counts(1));
}

TEST_F(DaemonSets, ReplaceAPodThatFailed) {
  Create();
  ServeUntil(server_, kLog, IsRolledOut);
  const Value pod = PodsOf(server_)[0];
  EndPod(server_, pod, 1);
  Until(server_, kPods + "/" + pod.At({"metadata", "name"}).AsString(),
        [](const Value& now) { return now.IsNull(); });
  ServeUntil(server_, kPods, [](const Value& pods) {
    const std::vector<Value>& items = pods.At({"items"}).items();
    return items.size() == 5 && std::all_of(items.begin(), items.end(), [](const Value& one) {
             return ConditionOf(one, "Ready").starts_with("True");
           });
  });
}

}  // namespace
}  // namespace keelson::golden
