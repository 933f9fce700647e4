// SPDX-License-Identifier: Apache-2.0
// Deployments against the server in this process, by the requests that kubectl makes.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/master/workloads.h"

namespace keelson::golden {
namespace {

using json::Value;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kWeb = "/apis/apps/v1/namespaces/default/deployments/web";
const std::string kSets = "/apis/apps/v1/namespaces/default/replicasets";
const std::string kRevision = "deployment.kubernetes.io/revision";
constexpr const char* kStrategic = "application/strategic-merge-patch+json";

void Create(ControlledServer& server, int replicas, const std::string& spec = "") {
  server.Do("POST", "/apis/apps/v1/namespaces/default/deployments",
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, "
            "spec: {replicas: " +
                std::to_string(replicas) + spec +
                ", selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, "
                "spec: {containers: [{name: c, image: one}]}}}}");
}

void SetImage(ControlledServer& server, const std::string& image) {
  Patch(
      server, kWeb, kStrategic,
      R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}}}})");
}

// What `kubectl rollout status` waits for.
bool IsRolledOut(const Value& web) {
  const Value& status = web.At({"status"});
  const int64_t wanted = web.At({"spec", "replicas"}).AsInt();
  return status.At({"observedGeneration"}) == web.At({"metadata", "generation"}) &&
         status.At({"updatedReplicas"}).AsInt() == wanted &&
         status.At({"replicas"}).AsInt() == wanted &&
         status.At({"availableReplicas"}).AsInt() == wanted;
}
std::string RevisionOf(const Value& object) {
  return object.At({"metadata", "annotations", kRevision}).AsString();
}
Value SetOf(ControlledServer& server, const std::string& image) {
  const Value list = server.Get(kSets);
  for (const Value& set : list.At({"items"}).items()) {
    const Value& containers = set.At({"spec", "template", "spec", "containers"});
    if (containers.items()[0].At({"image"}).AsString() == image) return set;
  }
  return {};
}
size_t CountSets(ControlledServer& server) {
  return server.Get(kSets).At({"items"}).items().size();
}

TEST(Deployments, AreCreatedAndScaled) {
  WorkloadServer server;
  Create(server, 3);
  const Value web = ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_EQ(ConditionOf(web, "Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(ConditionOf(web, "Progressing"), "True NewReplicaSetAvailable");
  EXPECT_EQ(RevisionOf(web), "1");
  const Value set = SetOf(server, "one");
  const std::string& name = set.At({"metadata", "name"}).AsString();
  EXPECT_EQ(name, "web-" + set.At({"metadata", "labels", "pod-template-hash"}).AsString());
  EXPECT_EQ(RevisionOf(set), "1");
  server.Do("PATCH", kWeb + "/scale", R"({"spec":{"replicas":5}})");
  ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_EQ(PodsOf(server).size(), 5u);
  server.Do("PATCH", kWeb + "/scale", R"({"spec":{"replicas":0}})");
  ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_THAT(PodsOf(server), IsEmpty());
  EXPECT_EQ(CountSets(server), 1u);
  Until(server, "/api/v1/namespaces/default/events", [&](const Value&) {
    const std::vector<std::string> told = EventsOf(server, "ScalingReplicaSet");
    return std::set<std::string>(told.begin(), told.end()) ==
           std::set<std::string>{"Scaled up replica set " + name + " from 0 to 3",
                                 "Scaled up replica set " + name + " from 3 to 5",
                                 "Scaled down replica set " + name + " from 5 to 0"};
  });
}

TEST(Deployments, NeverHaveTooFewOrTooManyWhileTheyRoll) {
  WorkloadServer server;
  Create(server, 4);  // of 25 %: 3 to 5
  ServeUntil(server, kWeb, IsRolledOut);
  SetImage(server, "two");
  ServeUntil(server, kWeb, [&](const Value& web) {
    size_t ready = 0;
    const std::vector<Value> pods = PodsOf(server);
    for (const Value& pod : pods) ready += ConditionOf(pod, "Ready").starts_with("True") ? 1 : 0;
    EXPECT_LE(pods.size(), 5u);
    EXPECT_GE(ready, 3u);
    return IsRolledOut(web);
  });
  EXPECT_EQ(RevisionOf(server.Get(kWeb)), "2");
  EXPECT_EQ(SetOf(server, "one").At({"spec", "replicas"}).AsInt(), 0);
  for (const Value& pod : PodsOf(server)) {
    EXPECT_EQ(pod.At({"spec", "containers"}).items()[0].At({"image"}).AsString(), "two");
  }
}

TEST(Deployments, AreUndoneAndRestarted) {
  WorkloadServer server;
  Create(server, 2);
  ServeUntil(server, kWeb, IsRolledOut);
  SetImage(server, "two");
  ServeUntil(server, kWeb, IsRolledOut);
  // kubectl rollout undo takes the template of the revision before, without its hash.
  const Value before = SetOf(server, "one");
  Value old = before.At({"spec", "template"});
  old.Find("metadata")->Find("labels")->Erase("pod-template-hash");
  Patch(server, kWeb, "application/json-patch+json",
        R"([{"op":"replace","path":"/spec/template","value":)" + json::WriteJson(old) + "}]");
  const Value web = ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_EQ(RevisionOf(web), "3");
  const Value again = SetOf(server, "one");
  EXPECT_EQ(again.At({"metadata", "uid"}), before.At({"metadata", "uid"}));
  EXPECT_EQ(
      again.At({"metadata", "annotations", "deployment.kubernetes.io/revision-history"}).AsString(),
      "1");
  EXPECT_EQ(RevisionOf(SetOf(server, "two")), "2");
  EXPECT_EQ(CountSets(server), 2u);

  Patch(server, kWeb, kStrategic,
        R"({"spec":{"template":{"metadata":{"annotations":)"
        R"({"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}})");
  EXPECT_EQ(RevisionOf(ServeUntil(
                server, kWeb,
                [](const Value& now) { return RevisionOf(now) == "4" && IsRolledOut(now); })),
            "4");
  EXPECT_EQ(CountSets(server), 3u);
}

TEST(Deployments, RestWhileTheyArePaused) {
  WorkloadServer server;
  Create(server, 2);
  ServeUntil(server, kWeb, IsRolledOut);
  Patch(server, kWeb, kStrategic, R"({"spec":{"paused":true}})");
  SetImage(server, "two");
  Until(server, kWeb, [](const Value& web) {
    return ConditionOf(web, "Progressing") == "Unknown DeploymentPaused" &&
           web.At({"status", "observedGeneration"}) == web.At({"metadata", "generation"});
  });
  EXPECT_EQ(CountSets(server), 1u);
  server.Do("PATCH", kWeb + "/scale", R"({"spec":{"replicas":3}})");
  ServeUntil(server, kWeb,
             [](const Value& web) { return web.At({"status", "availableReplicas"}).AsInt() == 3; });
  EXPECT_EQ(CountSets(server), 1u);
  Patch(server, kWeb, kStrategic, R"({"spec":{"paused":null}})");
  const Value web = ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_EQ(ConditionOf(web, "Progressing"), "True NewReplicaSetAvailable");
  EXPECT_EQ(SetOf(server, "two").At({"status", "availableReplicas"}).AsInt(), 3);
}

TEST(Deployments, TellThatARolloutHangs) {
  WorkloadServer server;
  Create(server, 2, ", progressDeadlineSeconds: 600");
  ServeUntil(server, kWeb, IsRolledOut);
  SetImage(server, "broken");
  // One more than wanted, and it never serves.
  Until(server, kWeb, [](const Value& web) {
    return web.At({"status", "updatedReplicas"}).AsInt() == 1 &&
           ConditionOf(web, "Progressing") == "True ReplicaSetUpdated";
  });
  server.WaitForQuiet();
  server.clock().Advance(std::chrono::minutes(11));
  Until(server, kWeb, [](const Value& web) {
    return ConditionOf(web, "Progressing") == "False ProgressDeadlineExceeded";
  });
  EXPECT_EQ(ConditionOf(server.Get(kWeb), "Available"), "True MinimumReplicasAvailable");
  SetImage(server, "one");
  ServeUntil(server, kWeb, IsRolledOut);
}

TEST(Deployments, AreRecreatedWithoutTwoVersionsAtOnce) {
  WorkloadServer server;
  Create(server, 3, ", strategy: {type: Recreate}");
  ServeUntil(server, kWeb, IsRolledOut);
  SetImage(server, "two");
  ServeUntil(server, kWeb, [&](const Value& web) {
    std::set<std::string> images;
    for (const Value& pod : PodsOf(server)) {
      images.insert(pod.At({"spec", "containers"}).items()[0].At({"image"}).AsString());
    }
    EXPECT_LE(images.size(), 1u);
    return IsRolledOut(web);
  });
  EXPECT_EQ(RevisionOf(server.Get(kWeb)), "2");
}

TEST(Deployments, KeepAsMuchHistoryAsWanted) {
  WorkloadServer server;
  Create(server, 1, ", revisionHistoryLimit: 1");
  for (const char* image : {"two", "three", "four"}) {
    ServeUntil(server, kWeb, IsRolledOut);
    SetImage(server, image);
  }
  ServeUntil(server, kWeb, IsRolledOut);
  Until(server, kSets, [](const Value& sets) { return sets.At({"items"}).items().size() == 2; });
  EXPECT_FALSE(SetOf(server, "three").IsNull());
  EXPECT_FALSE(SetOf(server, "four").IsNull());
}

TEST(Deployments, OfManyPodsNeedFewWritesBesideThem) {
  constexpr int64_t kPods = 150;
  constexpr int64_t kBeside = 60;  // statuses, events
  WorkloadServer server;
  const auto revision = [&] {
    const Value list = server.Get("/api/v1/namespaces/default/pods?labelSelector=none");
    return std::stoll(list.At({"metadata", "resourceVersion"}).AsString());
  };
  const int64_t before = revision();
  Create(server, kPods);
  server.WaitFor(kWeb,
                 [](const Value& web) { return web.At({"status", "replicas"}).AsInt() == kPods; });
  server.WaitForQuiet();
  const int64_t made = revision();
  EXPECT_LE(made - before, kPods + kBeside);
  for (const Value& pod : PodsOf(server)) MakeReady(server, pod);
  Until(server, kWeb, IsRolledOut);
  server.WaitForQuiet();
  EXPECT_LE(revision() - made, kPods + kBeside);
}

// The hash is taken by somebody else's set: the next name is.
TEST(Deployments, FindAnotherNameForASetThatIsTaken) {
  WorkloadServer server;
  Create(server, 1);
  ServeUntil(server, kWeb, IsRolledOut);
  const std::string name = SetOf(server, "one").At({"metadata", "name"}).AsString();
  server.Do("DELETE", kWeb, "{propagationPolicy: Foreground}");
  Until(server, kWeb, [](const Value& web) { return web.IsNull(); });
  server.WaitUntilGone(kSets + "/" + name);
  server.Do("POST", kSets,
            "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: " + name +
                "}, spec: {replicas: 0, selector: {matchLabels: {app: other}}, template: "
                "{metadata: {labels: {app: other}}, spec: {containers: [{name: c, image: z}]}}}}");
  Create(server, 1);
  const Value web = ServeUntil(server, kWeb, IsRolledOut);
  EXPECT_EQ(web.At({"status", "collisionCount"}).AsInt(), 1);
  EXPECT_EQ(CountSets(server), 2u);
}

}  // namespace
}  // namespace keelson::golden
