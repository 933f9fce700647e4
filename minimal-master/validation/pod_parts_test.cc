// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/strategy/strategy.h"
#include "minimal-master/validation/validation.h"

namespace keelson::validation {
namespace {

using json::Value;

Value Yaml(std::string_view text) {
  base::Result<Value> value = json::ParseYaml(std::string(text));
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *std::move(value) : Value();
}

Value Pod(std::string_view spec, std::string_view status = "{phase: Running}",
          std::string_view annotations = "{}") {
  Value pod = Yaml(R"({apiVersion: v1, kind: Pod, metadata: {name: p, namespace: d, uid: u}})");
  pod.Find("metadata")->Set("annotations", Yaml(annotations));
  pod.Set("spec", Yaml(spec));
  pod.Set("status", Yaml(status));
  return pod;
}

// What is said to an update of that part, after the server's own step; one line each.
std::string Said(std::string_view part, const Value& now, const Value& old) {
  Value object = now;
  EXPECT_TRUE(strategy::PreparePartUpdate({"", "Pod"}, part, object, old));
  std::string out;
  for (const kube::Problem& problem : OfUpdate("", "Pod", part, object, old))
    out += problem.field + ": " + problem.what + "\n";
  return out;
}

constexpr char kPlain[] =
    "{restartPolicy: Always, dnsPolicy: ClusterFirst, terminationGracePeriodSeconds: 30, "
    "containers: [{name: a, image: i, terminationMessagePolicy: File, imagePullPolicy: Always}]";

TEST(EphemeralContainers, FollowTheirOwnRules) {
  struct Case {
    std::string_view name;
    std::string_view old;  // the lists
    std::string_view now;
    std::string_view expected;
  };
  constexpr std::string_view kD =
      "{name: d, image: b, terminationMessagePolicy: File, imagePullPolicy: Always}";
  const std::string with_d = std::string("[") + std::string(kD) + "]";
  const Case cases[] = {
      {.name = "one comes", .old = "[]", .now = with_d, .expected = ""},
      {.name = "the first one is changed",
       .old = with_d,
       .now = "[{name: d, image: other, terminationMessagePolicy: File, imagePullPolicy: Always}]",
       .expected = "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"d\" may "
                   "not be changed\n"},
      {.name = "the first one goes",
       .old = with_d,
       .now = "[]",
       .expected = "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"d\" may "
                   "not be removed\n"},
      {.name = "a name twice",
       .old = "[]",
       .now = "[{name: a, image: b, terminationMessagePolicy: File, imagePullPolicy: Always}]",
       .expected = "spec.ephemeralContainers[0].name: Duplicate value: \"a\"\n"},
      {.name = "looks at nobody",
       .old = "[]",
       .now = "[{name: d, image: b, targetContainerName: x, terminationMessagePolicy: File, "
              "imagePullPolicy: Always}]",
       .expected = "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\"\n"},
      {.name = "serves",
       .old = "[]",
       .now = "[{name: d, image: b, ports: [{containerPort: 80, protocol: TCP}], resources: "
              "{limits: {cpu: \"1\"}}, lifecycle: {}, terminationMessagePolicy: File, "
              "imagePullPolicy: Always}]",
       .expected = "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral "
                   "Container\n"
                   "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an "
                   "Ephemeral Container\n"
                   "spec.ephemeralContainers[0].lifecycle: Forbidden: cannot be set for an "
                   "Ephemeral Container\n"},
      {.name = "has no image",
       .old = "[]",
       .now = "[{name: d, terminationMessagePolicy: File, imagePullPolicy: Always}]",
       .expected = "spec.ephemeralContainers[0].image: Required value\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto pod = [](std::string_view list) {
      return Pod(std::string(kPlain) + ", ephemeralContainers: " + std::string(list) + "}");
    };
    EXPECT_EQ(Said("ephemeralcontainers", pod(c.now), pod(c.old)), c.expected);
  }
}

TEST(EphemeralContainers, AreAllThatAWriterOfThemChanges) {
  const Value old = Pod(std::string(kPlain) + "}");
  Value now = Yaml(
      "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {a: b}, "
      "resourceVersion: '7'}, spec: {nodeName: n, ephemeralContainers: [{name: d, "
      "image: b}]}, status: {phase: Failed}}");
  ASSERT_TRUE(strategy::PreparePartUpdate({"", "Pod"}, "ephemeralcontainers", now, old));
  EXPECT_EQ(now.At({"metadata", "labels"}).kind(), Value::Kind::kNull);
  EXPECT_EQ(now.At({"metadata", "resourceVersion"}).AsString(), "7");
  EXPECT_EQ(now.At({"metadata", "generation"}).AsInt(), 1);
  EXPECT_EQ(now.At({"status", "phase"}).AsString(), "Running");
  EXPECT_TRUE(now.At({"spec", "nodeName"}).IsNull());
  EXPECT_EQ(now.At({"spec", "containers"}).items().size(), 1u);
  EXPECT_EQ(now.At({"spec", "ephemeralContainers"}).items().size(), 1u);
}

TEST(EphemeralContainers, AreNotForStaticPods) {
  const Value pod = Pod(std::string(kPlain) + ", nodeName: n}", "{phase: Running}",
                        "{kubernetes.io/config.mirror: x}");
  EXPECT_EQ(Said("ephemeralcontainers", pod, pod),
            "[]: Forbidden: static pods do not support ephemeral containers\n");
  EXPECT_EQ(Said("resize", pod, pod), "[]: Forbidden: static pods cannot be resized\n");
}

TEST(Resize, ChangesProcessorAndMemoryAlone) {
  struct Case {
    std::string_view name;
    std::string_view old;  // containers
    std::string_view now;
    std::string_view expected;
  };
  constexpr std::string_view kSmall =
      "containers: [{name: a, image: i, resources: {requests: {cpu: 1, memory: 1Gi}, limits: "
      "{cpu: 2}}}]";
  const Case cases[] = {
      {.name = "more",
       .old = kSmall,
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: 2, memory: 2Gi}, "
              "limits: {cpu: 3, memory: 3Gi}}}]",
       .expected = ""},
      {.name = "other fields are not looked at",
       .old = kSmall,
       .now = "containers: [{name: a, image: other, stdin: true, resources: {requests: {cpu: 1, "
              "memory: 2Gi}, limits: {cpu: 2}}}]",
       .expected = ""},
      {.name = "an amount goes",
       .old = kSmall,
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: 1}}}]",
       .expected = "spec.containers[0].resources.requests: Forbidden: resource requests cannot be "
                   "removed\nspec.containers[0].resources.limits: Forbidden: resource limits "
                   "cannot be removed\n"},
      {.name = "another class",
       .old = "containers: [{name: a, image: i}]",
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: 1}}}]",
       .expected = "spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result "
                   "of resizing\n"},
      {.name = "another resource",
       .old = kSmall,
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: 1, memory: 1Gi, "
              "ephemeral-storage: 1Gi}, limits: {cpu: 2}}}]",
       .expected = "spec: Forbidden: only cpu and memory resources are mutable\n"},
      {.name = "renamed",
       .old = kSmall,
       .now = "containers: [{name: b, image: i, resources: {requests: {cpu: 1, memory: 1Gi}}}]",
       .expected = "spec.containers[0].name: Forbidden: containers may not be renamed or reordered "
                   "on resize\n"},
      {.name = "one more",
       .old = kSmall,
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: 1, memory: 1Gi}}}, "
              "{name: b, image: i}]",
       .expected = "spec.containers: Forbidden: containers may not be added or removed on "
                   "resize\n"},
      {.name = "an init container",
       .old =
           "initContainers: [{name: in, image: i, resources: {requests: {cpu: 1}}}], containers: "
           "[{name: a, image: i}]",
       .now =
           "initContainers: [{name: in, image: i, resources: {requests: {cpu: 2}}}], containers: "
           "[{name: a, image: i}]",
       .expected = "spec: Forbidden: resources for non-sidecar init containers are immutable\n"},
      {.name = "not a container that could be",
       .old = "containers: [{name: a, image: i}]",
       .now = "containers: [{name: a, image: i, resources: {requests: {cpu: -1}}}]",
       .expected = "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be "
                   "greater than or equal to 0\n"},
      {.name = "amounts of the whole pod",
       .old = "resources: {requests: {cpu: 1}}, containers: [{name: a, image: i}]",
       .now = "containers: [{name: a, image: i}]",
       .expected = "[]: Forbidden: resize of pods with pod-level resources is forbidden when "
                   "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled\n"},
      {.name = "too much, and another class",
       .old = "containers: [{name: a, image: i}]",
       .now =
           "containers: [{name: a, image: i, resources: {requests: {cpu: 9}, limits: {cpu: 8}}}]",
       .expected = "spec.containers[0].resources.requests: Invalid value: \"9\": must be less than "
                   "or equal to cpu limit of 8\nspec: Invalid value: \"BestEffort\": Pod QOS "
                   "Class may not change as a result of resizing\n"},
      {.name = "a sidecar",
       .old = "initContainers: [{name: in, image: i, restartPolicy: Always, resources: {requests: "
              "{cpu: 1}}}], containers: [{name: a, image: i}]",
       .now = "initContainers: [{name: in, image: i, restartPolicy: Always, resources: {requests: "
              "{cpu: 2}}}], containers: [{name: a, image: i}]",
       .expected = ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto pod = [](std::string_view containers) {
      Value made =
          Pod("{restartPolicy: Always, dnsPolicy: ClusterFirst, "
              "terminationGracePeriodSeconds: 30, " +
              std::string(containers) + "}");
      made.Find("status")->Set("qosClass", Value(strategy::QosClass(made.At({"spec"}))));
      return made;
    };
    EXPECT_EQ(Said("resize", pod(c.now), pod(c.old)), c.expected);
  }
}

TEST(Resize, AsksForANodeThatCan) {
  const Value pod = Pod(std::string(kPlain) + "}",
                        "{qosClass: BestEffort, containerStatuses: [{name: a, state: {running: "
                        "{startedAt: x}}}]}");
  EXPECT_EQ(Said("resize", pod, pod),
            "spec: Forbidden: Pod running on node without support for resize\n");
}

}  // namespace
}  // namespace keelson::validation
