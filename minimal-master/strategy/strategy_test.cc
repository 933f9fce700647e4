// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/strategy/strategy.h"

#include <gtest/gtest.h>

namespace keelson::strategy {
namespace {

constexpr Kind kPod{"", "Pod"};
constexpr Kind kDeployment{"apps", "Deployment"};
constexpr char kTime[] = "2026-01-01T00:00:00Z";

json::Value Yaml(const std::string& text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *value : json::Value();
}

std::string Created(const Kind& kind, const std::string& yaml) {
  json::Value object = Yaml(yaml);
  PrepareCreate(kind, object, kTime);
  return json::WriteJson(object);
}

TEST(QosClasses, FollowProcessorAndMemory) {
  const std::pair<const char*, const char*> cases[] = {
      {"{containers: [{name: a}]}", "BestEffort"},
      {"{containers: [{resources: {requests: {cpu: 1}}}]}", "Burstable"},
      {"{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: "
       "1Gi}}}]}",
       "Guaranteed"},
      {"{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m, memory: "
       "1Gi}}}]}",
       "Burstable"},
      {"{containers: [{resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: "
       "1Gi}}}, {}]}",
       "Burstable"},
      {"{containers: [{resources: {requests: {cpu: 0}}}]}", "BestEffort"},
      {"{containers: [{resources: {limits: {x.io/gpu: 1}, requests: {x.io/gpu: 1}}}]}",
       "BestEffort"},
      {"{resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}, containers: "
       "[{}]}",
       "Guaranteed"},
  };
  for (const auto& [spec, expected] : cases) EXPECT_EQ(QosClass(Yaml(spec)), expected) << spec;
}

TEST(Create, StatusIsTheServersAndGenerationsBeginWithOne) {
  EXPECT_EQ(
      Created(kDeployment, "{metadata: {name: d, generation: 7}, spec: {}, status: {replicas: 3}}"),
      R"({"metadata":{"name":"d","generation":1},"spec":{}})");
  EXPECT_EQ(Created({"", "ConfigMap"}, "{metadata: {name: c, generation: 7}}"),
            R"({"metadata":{"name":"c"}})");
}

TEST(Create, APodWithGatesSaysThatItWaits) {
  json::Value pod = Yaml("{metadata: {name: p}, spec: {schedulingGates: [{name: g}]}}");
  PrepareCreate(kPod, pod, kTime);
  EXPECT_EQ(pod.At({"status", "conditions"}).items()[0].At({"reason"}).AsString(),
            "SchedulingGated");
}

TEST(Create, AJobMarksItsPods) {
  json::Value job = Yaml("{metadata: {name: j, uid: u}, spec: {template: {}}}");
  PrepareCreate({"batch", "Job"}, job, kTime);
  EXPECT_EQ(json::WriteJson(job.At({"spec", "selector"})),
            R"({"matchLabels":{"batch.kubernetes.io/controller-uid":"u"}})");
  EXPECT_EQ(job.At({"metadata", "labels"}), job.At({"spec", "template", "metadata", "labels"}));
  json::Value manual = Yaml("{metadata: {name: j, uid: u}, spec: {manualSelector: true}}");
  PrepareCreate({"batch", "Job"}, manual, kTime);
  EXPECT_TRUE(manual.At({"spec", "selector"}).IsNull());
}

TEST(Create, TextsOfASecretBecomeBytesAndWin) {
  EXPECT_EQ(Created({"", "Secret"}, "{metadata: {}, data: {a: ZA==}, stringData: {a: b, c: d}}"),
            R"({"metadata":{},"data":{"a":"Yg==","c":"ZA=="}})");
}

TEST(Create, ANamespaceIsHeldByItsContent) {
  EXPECT_EQ(Created({"", "Namespace"}, "{metadata: {}, spec: {finalizers: [x.io/a]}}"),
            R"({"metadata":{},"spec":{"finalizers":["x.io/a","kubernetes"]},)"
            R"("status":{"phase":"Active"}})");
}

TEST(Update, GenerationsCountWhatPeopleWant) {
  const json::Value old =
      Yaml("{metadata: {name: d, generation: 3}, spec: {replicas: 1}, status: {replicas: 1}}");
  const auto generation = [&](const char* yaml) {
    json::Value object = Yaml(yaml);
    PrepareUpdate(kDeployment, object, old);
    EXPECT_EQ(object.At({"status", "replicas"}).AsInt(), 1);
    return object.At({"metadata", "generation"}).AsInt();
  };
  EXPECT_EQ(generation("{metadata: {name: d}, spec: {replicas: 1}, status: {replicas: 9}}"), 3);
  EXPECT_EQ(generation("{metadata: {name: d}, spec: {replicas: 2}}"), 4);
  EXPECT_EQ(generation("{metadata: {name: d, labels: {a: b}}, spec: {replicas: 1}}"), 3);
  EXPECT_EQ(generation("{metadata: {name: d, annotations: {a: b}}, spec: {replicas: 1}}"), 4);
}

TEST(Update, ADaemonSetCountsItsTemplates) {
  const json::Value old = Yaml(R"(
metadata: {generation: 1, annotations: {deprecated.daemonset.template.generation: "1"}}
spec: {template: {a: 1}, minReadySeconds: 0}
)");
  const auto count = [&](const char* yaml) {
    json::Value object = Yaml(yaml);
    PrepareUpdate({"apps", "DaemonSet"}, object, old);
    return object.At({"metadata", "annotations", "deprecated.daemonset.template.generation"})
        .AsString();
  };
  EXPECT_EQ(count("{metadata: {}, spec: {template: {a: 2}}}"), "2");
  EXPECT_EQ(count("{metadata: {}, spec: {template: {a: 1}, minReadySeconds: 5}}"), "1");
}

TEST(StatusUpdate, ChangesNothingElse) {
  const json::Value old = Yaml(
      "{metadata: {name: p, generation: 2, ownerReferences: [{name: o}]}, spec: {a: 1},"
      " status: {qosClass: Burstable}}");
  json::Value object =
      Yaml("{metadata: {name: p, labels: {l: m}}, spec: {a: 2}, status: {phase: Running}}");
  PrepareStatusUpdate(kPod, object, old);
  EXPECT_EQ(object.At({"spec"}), old.At({"spec"}));
  EXPECT_EQ(object.At({"metadata", "generation"}).AsInt(), 2);
  EXPECT_EQ(object.At({"metadata", "ownerReferences"}), old.At({"metadata", "ownerReferences"}));
  EXPECT_EQ(object.At({"metadata", "labels", "l"}).AsString(), "m");
  EXPECT_EQ(object.At({"status", "phase"}).AsString(), "Running");
  EXPECT_EQ(object.At({"status", "qosClass"}).AsString(), "Burstable");
}

}  // namespace
}  // namespace keelson::strategy
