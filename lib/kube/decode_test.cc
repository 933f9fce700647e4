// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/decode.h"
#include "lib/base/testing/places.h"

#include <gtest/gtest.h>

#include <fstream>

namespace keelson::kube {
namespace {

base::Result<Pod> FromYaml(std::string_view yaml) {
  const auto document = json::ParseYaml(yaml);
  if (!document.ok()) return document.error();
  return DecodePod(*document);
}

std::string Refusal(std::string_view yaml) {
  const auto pod = FromYaml(yaml);
  return pod.ok() ? "accepted" : pod.error().message();
}

TEST(DecodePod, FillsInDefaults) {
  const auto pod = FromYaml(R"(
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  containers:
  - name: c
    image: registry.example:5000/web
    ports: [{containerPort: 80}]
    resources: {limits: {cpu: 0.5, memory: 64Mi}, requests: {cpu: 100m}}
    livenessProbe: {httpGet: {port: http}}
    lifecycle: {preStop: {sleep: {seconds: 3}}}
  volumes:
  - name: scratch
  - name: conf
    configMap: {name: conf, items: [{key: a, path: b, mode: 0400}]}
  - name: all
    projected: {sources: [{serviceAccountToken: {path: token}}, {secret: {name: s}}]}
  - name: share
    nfs: {server: s, path: /}
)");
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_EQ(pod->metadata.namespace_name, "shop");
  EXPECT_EQ(pod->metadata.labels.at("app"), "web");
  const PodSpec& spec = pod->spec;
  EXPECT_EQ(spec.restart_policy, "Always");
  EXPECT_EQ(spec.dns_policy, "ClusterFirst");
  EXPECT_EQ(spec.termination_grace_period_seconds, 30);
  EXPECT_TRUE(spec.enable_service_links);
  const Container& c = spec.containers[0];
  EXPECT_EQ(c.image_pull_policy, "Always");
  EXPECT_EQ(c.ports[0].protocol, "TCP");
  EXPECT_EQ(c.ports[0].host_port, 0);
  EXPECT_EQ(c.resources.requests.at("cpu").MilliValue(), 100);
  EXPECT_EQ(c.resources.requests.at("memory").Value(), 64 << 20);
  EXPECT_EQ(c.termination_message_path, "/dev/termination-log");
  ASSERT_TRUE(c.liveness_probe);
  const auto& get = std::get<HttpGetAction>(c.liveness_probe->action);
  EXPECT_EQ(get.path, "/");
  EXPECT_EQ(get.scheme, "HTTP");
  EXPECT_EQ(get.port.text, "http");
  EXPECT_EQ(c.liveness_probe->period_seconds, 10);
  EXPECT_EQ(std::get<SleepAction>(*c.pre_stop).seconds, 3);
  EXPECT_TRUE(std::holds_alternative<EmptyDirVolume>(spec.volumes[0].source));
  EXPECT_EQ(std::get<ObjectVolume>(spec.volumes[1].source).items[0].mode, 0400);
  const auto& projected = std::get<ProjectedVolume>(spec.volumes[2].source);
  EXPECT_EQ(std::get<ServiceAccountTokenSource>(projected.sources[0]).expiration_seconds, 3600);
  EXPECT_TRUE(std::get<ObjectVolume>(projected.sources[1]).secret);
  EXPECT_EQ(std::get<UnsupportedVolume>(spec.volumes[3].source).kind, "nfs");
  EXPECT_EQ(pod->object.At({"spec", "containers"}).items()[0].Find("imagePullPolicy"), nullptr);
}

TEST(DecodePod, ReadsEveryFieldOfAFullContainer) {
  const auto pod = FromYaml(R"(
apiVersion: v1
kind: Pod
metadata: {name: full}
spec:
  hostNetwork: yes
  serviceAccount: builder
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 5, fsGroup: 7, supplementalGroups: [8, 9], sysctls: [{name: kernel.shm_rmid_forced, value: "1"}]}
  hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]
  dnsConfig: {nameservers: [1.1.1.1], searches: [x.y], options: [{name: ndots, value: "2"}, {name: edns0}]}
  initContainers:
  - {name: side, image: "i:1", restartPolicy: Always}
  containers:
  - name: c
    image: i@sha256:0123456789012345678901234567890123456789012345678901234567890123
    command: [a]
    args: [b, c]
    workingDir: /w
    env:
    - {name: A, value: x}
    - {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: D, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}
    - {name: E, valueFrom: {secretKeyRef: {name: s, key: k}}}
    envFrom: [{prefix: P_, configMapRef: {name: m}}, {secretRef: {name: s, optional: true}}]
    ports: [{containerPort: 80, name: http}]
    volumeMounts: [{name: v, mountPath: /v, subPath: d, readOnly: true, mountPropagation: HostToContainer}]
    securityContext:
      runAsNonRoot: true
      capabilities: {add: [NET_ADMIN], drop: [ALL]}
      seccompProfile: {type: Localhost, localhostProfile: p.json}
    readinessProbe: {grpc: {port: 9}, failureThreshold: 7}
    startupProbe: {exec: {command: [t]}, terminationGracePeriodSeconds: 4}
    tty: true
  volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
)");
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  const PodSpec& spec = pod->spec;
  EXPECT_TRUE(spec.host_network);
  EXPECT_EQ(spec.service_account_name, "builder");
  EXPECT_EQ(spec.termination_grace_period_seconds, 0);
  EXPECT_EQ(spec.security_context.supplemental_groups, (std::vector<int64_t>{8, 9}));
  EXPECT_EQ(spec.dns_config.options[0].value, "2");
  EXPECT_FALSE(spec.dns_config.options[1].value);
  EXPECT_EQ(spec.init_containers[0].restart_policy, "Always");
  const Container& c = spec.containers[0];
  EXPECT_EQ(c.image_pull_policy, "IfNotPresent");
  EXPECT_EQ(c.ports[0].host_port, 80) << "hostNetwork";
  EXPECT_EQ(c.env[1].field_path, "metadata.name");
  EXPECT_EQ(c.env[2].resource.divisor.MilliValue(), 1);
  EXPECT_TRUE(c.env[3].key.optional);
  EXPECT_EQ(c.env[4].from, EnvVar::From::kSecret);
  EXPECT_EQ(c.env_from[0].prefix, "P_");
  EXPECT_TRUE(c.env_from[1].secret);
  EXPECT_EQ(c.volume_mounts[0].mount_propagation, "HostToContainer");
  EXPECT_EQ(c.security_context.capabilities_drop, std::vector<std::string>{"ALL"});
  EXPECT_EQ(c.security_context.seccomp_profile->localhost_profile, "p.json");
  EXPECT_EQ(std::get<GrpcAction>(c.readiness_probe->action).port, 9);
  EXPECT_EQ(c.startup_probe->termination_grace_period_seconds, 4);
  EXPECT_EQ(std::get<EmptyDirVolume>(spec.volumes[0].source).size_limit->Value(), 1 << 20);
}

TEST(DecodePod, RefusesUnknownFieldsAndWrongTypesWithLines) {
  EXPECT_EQ(Refusal("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - "
                    "name: c\n    image: i\n    imagePulPolicy: x\n"),
            "line 8: unknown field \"spec.containers[0].imagePulPolicy\"");
  EXPECT_EQ(
      Refusal(
          "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    "
          "image: i\n    args: x\n    env:\n"
          "    - name: A\n      value: 5\n    tty: \"yes\"\n    ports: [{containerPort: 1.5}]\n"),
      "line 8: spec.containers[0].args: Invalid value: \"x\": must be a list, not a string\n"
      "line 11: spec.containers[0].env[0].value: Invalid value: 5: must be a string, not a number: "
      "write it in quotes\n"
      "line 12: spec.containers[0].tty: Invalid value: \"yes\": must be a boolean, not a string\n"
      "line 13: spec.containers[0].ports[0].containerPort: Invalid value: 1.5: must be an integer");
}

TEST(DecodePod, ReadsTheExamples) {
  for (const std::string name : {"web", "port-clash"}) {
    SCOPED_TRACE(name);
    std::ifstream file(base::SourceDir() + "/examples/" + name + ".yaml");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto pod = FromYaml(text);
    ASSERT_TRUE(pod.ok()) << pod.error().message();
    EXPECT_EQ(pod->metadata.name, name);
    EXPECT_EQ(pod->spec.containers.size(), 2U);
  }
}

TEST(DecodePod, RefusesOtherKinds) {
  EXPECT_EQ(Refusal("a: 1"), "line 1: kind: Required value\nline 1: apiVersion: Required value");
  EXPECT_EQ(Refusal("apiVersion: v1\nkind: Service"),
            "line 2: no kind \"Service\" is registered for version \"v1\" here");
  EXPECT_EQ(Refusal("- 1"), "line 1: must be an object");
}

TEST(DecodeConfigObject, ReadsBothKinds) {
  const auto map = DecodeConfigObject(*json::ParseYaml(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: x}\nbinaryData: {b: AAE=}"));
  ASSERT_TRUE(map.ok()) << map.error().message();
  EXPECT_EQ(map->data.at("a"), "x");
  EXPECT_EQ(map->data.at("b"), std::string("\0\1", 2));
  const auto secret =
      DecodeConfigObject(*json::ParseYaml("apiVersion: v1\nkind: Secret\nmetadata: {name: "
                                          "m}\ndata: {a: eA==, b: eQ==}\nstringData: {a: z}"));
  ASSERT_TRUE(secret.ok()) << secret.error().message();
  EXPECT_TRUE(secret->secret);
  EXPECT_EQ(secret->data.at("a"), "z");
  EXPECT_EQ(secret->data.at("b"), "y");
  EXPECT_EQ(
      DecodeConfigObject(
          *json::ParseYaml("apiVersion: v1\nkind: Secret\nmetadata: {name: m}\ndata: {a: '%'}"))
          .error()
          .message(),
      "line 4: data[a]: Invalid value: \"%\": must be base64 text");
}

}  // namespace
}  // namespace keelson::kube
