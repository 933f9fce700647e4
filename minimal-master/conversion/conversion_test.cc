// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/conversion/conversion.h"

#include <gtest/gtest.h>

namespace keelson::conversion {
namespace {

json::Value Yaml(const std::string& text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *value : json::Value();
}

TEST(Events, AreTheSameByOtherNames) {
  const json::Value core = Yaml(
      "{apiVersion: v1, kind: Event, involvedObject: {name: x}, message: m, count: 2,"
      " source: {component: c}, firstTimestamp: t, reportingComponent: r}");
  const json::Value other = FromStored("events.k8s.io", "v1", "Event", core);
  EXPECT_EQ(other.At({"regarding", "name"}).AsString(), "x");
  EXPECT_EQ(other.At({"note"}).AsString(), "m");
  EXPECT_EQ(other.At({"deprecatedCount"}).AsInt(), 2);
  EXPECT_EQ(other.At({"reportingController"}).AsString(), "r");
  EXPECT_EQ(ToStored("events.k8s.io", "v1", "Event", other), core);
}

TEST(Autoscalers, KeepInV1WhatItHasNoFieldFor) {
  const json::Value v2 = Yaml(R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec:
  maxReplicas: 3
  metrics:
  - {type: Pods, pods: {metric: {name: m}, target: {type: AverageValue, averageValue: "1"}}}
  - {type: External, external: {metric: {name: e, selector: {matchLabels: {a: b}}}, target: {type: Value, value: "5"}}}
  - {type: ContainerResource, containerResource: {container: c, name: cpu, target: {type: Utilization, averageUtilization: 60}}}
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
  behavior: {scaleDown: {stabilizationWindowSeconds: 5, selectPolicy: Max, policies: [{type: Percent, value: 100, periodSeconds: 15}]}}
status: {currentReplicas: 2, conditions: [{type: AbleToScale, status: "True"}]}
)");
  const json::Value v1 = FromStored("autoscaling", "v1", "HorizontalPodAutoscaler", v2);
  EXPECT_EQ(v1.At({"spec", "targetCPUUtilizationPercentage"}).AsInt(), 50);
  EXPECT_TRUE(v1.At({"spec", "metrics"}).IsNull());
  EXPECT_EQ(
      v1.At({"metadata", "annotations", "autoscaling.alpha.kubernetes.io/metrics"}).AsString(),
      R"([{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"1"}},)"
      R"({"type":"External","external":{"metricName":"e","metricSelector":{"matchLabels":)"
      R"({"a":"b"}},"targetValue":"5"}},{"type":"ContainerResource","containerResource":)"
      R"({"name":"cpu","targetAverageUtilization":60,"container":"c"}}])");
  EXPECT_EQ(ToStored("autoscaling", "v1", "HorizontalPodAutoscaler", v1), v2);
}

TEST(Autoscalers, AnAnnotationThatIsNoJsonStays) {
  const json::Value v1 =
      Yaml("{metadata: {annotations: {autoscaling.alpha.kubernetes.io/metrics: 'x{'}}, spec: {}}");
  const json::Value v2 = ToStored("autoscaling", "v1", "HorizontalPodAutoscaler", v1);
  EXPECT_EQ(
      v2.At({"metadata", "annotations", "autoscaling.alpha.kubernetes.io/metrics"}).AsString(),
      "x{");
}

TEST(OtherKinds, AreStoredAsTheyAre) {
  const json::Value pod = Yaml("{apiVersion: v1, kind: Pod}");
  EXPECT_EQ(FromStored("", "v1", "Pod", pod), pod);
  EXPECT_EQ(ToStored("", "v1", "Pod", pod), pod);
}

}  // namespace
}  // namespace keelson::conversion
