// SPDX-License-Identifier: Apache-2.0
// The rules that have a condition; the recorded defaults of all kinds are replayed through the
// server (tests/master).
#include "minimal-master/defaults/defaults.h"

#include <gtest/gtest.h>

namespace keelson::defaults {
namespace {

json::Value With(std::string_view group, std::string_view kind, const std::string& yaml,
                 std::string_view version = "v1") {
  base::Result<json::Value> object = json::ParseYaml(yaml);
  EXPECT_TRUE(object.ok()) << object.error().message();
  Apply(group, version, kind, *object);
  return *object;
}

TEST(PodDefaults, PullPolicyFollowsTheImagesName) {
  const std::pair<const char*, const char*> cases[] = {
      {"web", "Always"},
      {"web:latest", "Always"},
      {"web:1", "IfNotPresent"},
      {"localhost:5000/web", "Always"},
      {"localhost:5000/a/web:2", "IfNotPresent"},
      {"web@sha256:aa", "IfNotPresent"},
  };
  for (const auto& [image, policy] : cases) {
    const json::Value pod =
        With("", "Pod", std::string("{spec: {containers: [{name: c, image: '") + image + "'}]}}");
    EXPECT_EQ(pod.At({"spec", "containers"}).items()[0].At({"imagePullPolicy"}).AsString(), policy)
        << image;
  }
}

TEST(PodDefaults, ATemplateGetsLessThanAPod) {
  const json::Value pod = With("", "Pod", R"(
spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m}}}]}
)");
  EXPECT_TRUE(pod.At({"spec", "enableServiceLinks"}).AsBool());
  EXPECT_EQ(
      json::WriteJson(pod.At({"spec", "containers"}).items()[0].At({"resources", "requests"})),
      R"({"cpu":"100m","memory":"1Gi"})");
  const json::Value deployment = With("apps", "Deployment", R"(
spec: {template: {spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 1}}}]}}}
)");
  const json::Value& spec = deployment.At({"spec", "template", "spec"});
  EXPECT_EQ(spec.At({"dnsPolicy"}).AsString(), "ClusterFirst");
  EXPECT_TRUE(spec.At({"enableServiceLinks"}).IsNull());
  EXPECT_TRUE(spec.At({"containers"}).items()[0].At({"resources", "requests"}).IsNull());
}

TEST(PodDefaults, OnTheHostsNetworkPortsAreTheHosts) {
  const json::Value pod =
      With("", "Pod",
           "{spec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}]}]}}");
  EXPECT_EQ(
      pod.At({"spec", "containers"}).items()[0].At({"ports"}).items()[0].At({"hostPort"}).AsInt(),
      80);
}

TEST(PodDefaults, AWholePodAsksForWhatItsContainersDoElseForItsLimit) {
  const json::Value pod = With("", "Pod", R"(
spec:
  resources: {limits: {cpu: 2, memory: 1Gi}}
  containers: [{name: a, resources: {requests: {cpu: 100m}}}, {name: b, resources: {requests: {cpu: 0.2}}}]
)");
  EXPECT_EQ(json::WriteJson(pod.At({"spec", "resources", "requests"})),
            R"({"cpu":"300m","memory":"1Gi"})");
}

TEST(ServiceDefaults, FollowTheType) {
  const json::Value cluster = With("", "Service", "{spec: {ports: [{port: 80}]}}");
  EXPECT_TRUE(cluster.At({"spec", "externalTrafficPolicy"}).IsNull());
  EXPECT_EQ(cluster.At({"spec", "internalTrafficPolicy"}).AsString(), "Cluster");
  EXPECT_EQ(cluster.At({"spec", "ports"}).items()[0].At({"targetPort"}).AsInt(), 80);
  const json::Value outside =
      With("", "Service", "{spec: {externalIPs: [1.2.3.4], ports: [{port: 80}]}}");
  EXPECT_EQ(outside.At({"spec", "externalTrafficPolicy"}).AsString(), "Cluster");
  const json::Value name = With("", "Service", "{spec: {type: ExternalName, externalName: x.io}}");
  EXPECT_TRUE(name.At({"spec", "internalTrafficPolicy"}).IsNull());
}

TEST(JobDefaults, FollowOneAnother) {
  const json::Value parallel = With("batch", "Job", "{spec: {parallelism: 3}}");
  EXPECT_TRUE(parallel.At({"spec", "completions"}).IsNull());
  const json::Value indexed =
      With("batch", "Job", "{spec: {backoffLimitPerIndex: 1, podFailurePolicy: {rules: []}}}");
  EXPECT_EQ(indexed.At({"spec", "backoffLimit"}).AsInt(), 2147483647);
  EXPECT_EQ(indexed.At({"spec", "podReplacementPolicy"}).AsString(), "Failed");
}

TEST(LimitRangeDefaults, FollowFromMaximumAndMinimum) {
  const json::Value range = With("", "LimitRange", R"(
spec: {limits: [{type: Container, max: {cpu: 1}, min: {cpu: 100m, memory: 1Mi}}]}
)");
  const json::Value& limit = range.At({"spec", "limits"}).items()[0];
  EXPECT_EQ(json::WriteJson(limit.At({"default"})), R"({"cpu":1})");
  EXPECT_EQ(json::WriteJson(limit.At({"defaultRequest"})), R"({"cpu":1,"memory":"1Mi"})");
}

TEST(Defaults, PassOverWhatHasAWrongType) {
  for (const char* yaml : {"{spec: 1}", "{spec: {containers: x}}", "{spec: {containers: [1]}}",
                           "{spec: {volumes: [{name: v, secret: 1}]}}"}) {
    (void)With("", "Pod", yaml);
    (void)With("apps", "Deployment", yaml);
    (void)With("", "Service", yaml);
  }
  json::Value none;
  Apply("", "v1", "Pod", none);
  EXPECT_TRUE(none.IsNull());
}

}  // namespace
}  // namespace keelson::defaults
