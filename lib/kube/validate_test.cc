// SPDX-License-Identifier: Apache-2.0
// Rules that testdata/refusals.json holds no answer for, and the lines that problems are blamed on.
#include <gtest/gtest.h>

#include "lib/kube/decode.h"

namespace keelson::kube {
namespace {

std::string Answer(const std::string& yaml) {
  const auto document = json::ParseYaml(yaml);
  if (!document.ok()) return document.error().message();
  const auto pod = DecodePod(*document);
  return pod.ok() ? "accepted" : pod.error().message();
}

struct Case {
  const char* name;
  const char* spec;  // of the pod, one line
  const char* answer;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string answer = Answer(
        std::string("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {") + c.spec + "}\n");
    EXPECT_EQ(answer.starts_with("line 4: ") ? answer.substr(8) : answer, c.answer);
  }
}

TEST(ValidatePod, BlamesTheLineOfTheField) {
  EXPECT_EQ(Answer(R"(apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  restartPolicy: Sometimes
  containers:
    - name: web
      image: nginx
    - name: side
      image: busybox
      volumeMounts:
        - mountPath: /data
          name: data
    - image: redis
      name: web
)"),
            "line 14: spec.containers[1].volumeMounts[0].name: Not found: \"data\"\n"
            "line 16: spec.containers[2].name: Duplicate value: \"web\"\n"
            "line 6: spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: "
            "\"Always\", \"OnFailure\", \"Never\"");
}

TEST(ValidatePod, SaysEachProblemOnOneLine) {
  EXPECT_EQ(Answer("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, "
                   "image: i, \"x\\ny\\e[1m\": 1}]}\n"),
            "line 4: unknown field \"spec.containers[0].x\\ny\\u001b[1m\"");
  const auto map = DecodeConfigObject(*json::ParseYaml(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {\"a\\nb\": c}\n"));
  ASSERT_FALSE(map.ok());
  EXPECT_TRUE(map.error().message().starts_with(
      "line 4: data[a\\x0ab]: Invalid value: \"a\\nb\": a valid config key"))
      << map.error().message();
}

TEST(ValidatePod, EndsALongListOfProblems) {
  std::string yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n";
  for (int i = 0; i < 1000; ++i) yaml += fmt::format("  x{}: {}\n", i, i);
  const std::string answer = Answer(yaml + "  containers: [{name: a, image: i}]\n");
  EXPECT_TRUE(
      answer.ends_with("line 104: unknown field \"spec.x99\"\nline 104: and 900 more problems"))
      << answer.substr(answer.size() - 200);
  const std::string large =
      Answer("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: " +
             std::string(1 << 20, 'x') + "}\n");
  EXPECT_LT(large.size(), 2000U);
}

TEST(ValidatePod, RefusesPortsThatCollide) {
  Check({{"two containers",
          "containers: [{name: a, image: i, ports: [{containerPort: 1, hostPort: 9}]}, {name: b, "
          "image: i, ports: [{containerPort: 2, hostPort: 9}]}]",
          "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//9\""},
         {"the host's network",
          "hostNetwork: true, containers: [{name: a, image: i, ports: [{containerPort: 9}]}, "
          "{name: b, image: i, ports: [{containerPort: 9}]}]",
          "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//9\""},
         {"another protocol",
          "containers: [{name: a, image: i, ports: [{containerPort: 9, hostPort: 9}, "
          "{containerPort: 9, hostPort: 9, protocol: UDP}]}]",
          "accepted"},
         {"another address",
          "containers: [{name: a, image: i, ports: [{containerPort: 9, hostPort: 9}, "
          "{containerPort: 9, hostPort: 9, hostIP: 127.0.0.1}]}]",
          "accepted"},
         {"init containers run alone",
          "initContainers: [{name: x, image: i, ports: [{containerPort: 9, hostPort: 9}]}], "
          "containers: [{name: a, image: i, ports: [{containerPort: 9, hostPort: 9}]}]",
          "accepted"}});
}

TEST(ValidatePod, KnowsSidecars) {
  Check({{"probes of a sidecar",
          "initContainers: [{name: s, image: i, restartPolicy: Always, livenessProbe: {tcpSocket: "
          "{port: 1}}, lifecycle: {preStop: {sleep: {seconds: 1}}}}], containers: [{name: a, "
          "image: i}]",
          "accepted"},
         {"a wrong probe of a sidecar",
          "initContainers: [{name: s, image: i, restartPolicy: Always, startupProbe: {tcpSocket: "
          "{port: 1}, successThreshold: 2}}], containers: [{name: a, image: i}]",
          "spec.initContainers[0].startupProbe.successThreshold: Invalid value: 2: must be 1"},
         {"an unknown policy",
          "initContainers: [{name: s, image: i, restartPolicy: Often}], containers: [{name: a, "
          "image: i}]",
          "spec.initContainers[0].restartPolicy: Unsupported value: \"Often\": supported values: "
          "\"Always\", \"Never\", \"OnFailure\""},
         {"rules without a policy",
          "containers: [{name: a, image: i, restartPolicyRules: [{action: Restart, exitCodes: "
          "{operator: In, values: [1]}}]}]",
          "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when "
          "restart rules are used"}});
}

TEST(ValidatePod, ChecksMounts) {
  const std::string pod = "volumes: [{name: v}], containers: [{name: a, image: i, ";
  const auto check = [&](const char* name, const std::string& rest, const char* answer) {
    const std::string spec = pod + rest + "}]";
    Check({{name, spec.c_str(), answer}});
  };
  check("bidirectional",
        "volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]",
        "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount "
        "propagation is available only to privileged containers");
  check("bidirectional and privileged",
        "securityContext: {privileged: true}, volumeMounts: [{name: v, mountPath: /v, "
        "mountPropagation: Bidirectional}]",
        "accepted");
  check("unknown propagation", "volumeMounts: [{name: v, mountPath: /v, mountPropagation: Up}]",
        "spec.containers[0].volumeMounts.mountPropagation: Unsupported value: \"Up\": supported "
        "values: \"Bidirectional\", \"HostToContainer\", \"None\"");
  check("recursively read-only but writable",
        "volumeMounts: [{name: v, mountPath: /v, recursiveReadOnly: Enabled}]",
        "spec.containers[0].volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified "
        "when readOnly is true");
  check("recursively read-only",
        "volumeMounts: [{name: v, mountPath: /v, readOnly: true, recursiveReadOnly: IfPossible}]",
        "accepted");
  check("both sub paths", "volumeMounts: [{name: v, mountPath: /v, subPath: a, subPathExpr: b}]",
        "spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"b\": subPathExpr and "
        "subPath are mutually exclusive");
  check("a device of nothing", "volumeDevices: [{name: x, devicePath: /dev/x}]",
        "spec.containers[0].volumeDevices[0].name: Not found: \"x\"");
}

TEST(ValidatePod, ChecksVolumes) {
  const auto check = [](const char* name, const std::string& volume, const char* answer) {
    const std::string spec =
        "containers: [{name: a, image: i}], volumes: [{name: v, " + volume + "}]";
    Check({{name, spec.c_str(), answer}});
  };
  check("negative size", "emptyDir: {sizeLimit: -1}",
        "spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource "
        "quantity");
  check("item outside", "configMap: {name: c, items: [{key: k, path: ../x}]}",
        "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'");
  check("item that looks hidden", "secret: {secretName: c, items: [{key: k, path: ..x}]}",
        "spec.volumes[0].secret.items[0].path: Invalid value: \"..x\": must not start with '..'");
  check("absolute item", "downwardAPI: {items: [{path: /x, fieldRef: {fieldPath: metadata.name}}]}",
        "spec.volumes[0].downwardAPI.path: Invalid value: \"/x\": must be a relative path");
  check("a field of the environment only",
        "downwardAPI: {items: [{path: x, fieldRef: {fieldPath: status.podIP}}]}",
        "spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: \"status.podIP\": "
        "supported values: \"metadata.annotations\", \"metadata.labels\", "
        "\"metadata.name\", \"metadata.namespace\", \"metadata.uid\"");
  check("a label",
        "downwardAPI: {items: [{path: x, fieldRef: {fieldPath: \"metadata.labels['app']\"}}]}",
        "accepted");
  check("a part of a name",
        "downwardAPI: {items: [{path: x, fieldRef: {fieldPath: \"metadata.name['app']\"}}]}",
        "spec.volumes[0].downwardAPI.fieldRef.fieldPath: Invalid value: \"metadata.name['app']\": "
        "error converting fieldPath: field label does not support subscript: metadata.name['app']");
  check("resource of no container",
        "downwardAPI: {items: [{path: x, resourceFieldRef: {resource: limits.cpu}}]}",
        "spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value");
  check("a short-lived token",
        "projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 5}}]}",
        "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid "
        "value: 5: may not specify a duration less than 10 minutes");
  check("two kinds in a source",
        "projected: {sources: [{secret: {name: s}, configMap: {name: c}}]}",
        "spec.volumes[0].projected.sources[0].configMap: Forbidden: may not specify more than 1 "
        "volume type per source");
  check("an unknown kind", "floppy: {}", "unknown field \"spec.volumes[0].floppy\"");
}

TEST(ValidatePod, ChecksSecurity) {
  Check(
      {{"host namespaces without host users",
        "hostUsers: false, hostPID: true, containers: [{name: a, image: i}]",
        "spec.hostPID: Forbidden: when `hostUsers` is false"},
       {"unmasked proc",
        "containers: [{name: a, image: i, securityContext: {procMount: Unmasked}}]",
        "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` "
        "must be false to use `Unmasked`"},
       {"unmasked proc with own users",
        "hostUsers: false, containers: [{name: a, image: i, securityContext: {procMount: "
        "Unmasked}}]",
        "accepted"},
       {"profile without a type",
        "securityContext: {seccompProfile: {}}, containers: [{name: a, image: i}]",
        "spec.securityContext.seccompProfile.type: Required value: type is required when "
        "seccompProfile is set"},
       {"profile outside",
        "securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../p}}, containers: "
        "[{name: a, image: i}]",
        "spec.securityContext.seccompProfile.localhostProfile: Invalid value: \"../p\": must not "
        "contain '..'"},
       {"profile of the default",
        "securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: p}}, "
        "containers: [{name: a, image: i}]",
        "spec.securityContext.seccompProfile.localhostProfile: Invalid value: \"p\": can only be "
        "set when seccomp type is Localhost"},
       {"AppArmor of the host",
        "securityContext: {appArmorProfile: {type: Localhost}}, containers: [{name: a, image: i}]",
        "spec.securityContext.appArmorProfile.localhostProfile: Required value: must be set when "
        "AppArmor type is Localhost"},
       {"network sysctl of the host",
        "hostNetwork: true, securityContext: {sysctls: [{name: net/core/somaxconn, value: '1'}]}, "
        "containers: [{name: a, image: i}]",
        "spec.securityContext.sysctls[0].name: Invalid value: \"net/core/somaxconn\": may not be "
        "specified when 'hostNetwork' is true"},
       {"group policy",
        "securityContext: {supplementalGroupsPolicy: All}, containers: [{name: a, image: i}]",
        "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"All\": supported "
        "values: \"Merge\", \"Strict\""},
       {"windows options",
        "os: {name: linux}, securityContext: {windowsOptions: {runAsUserName: x}}, containers: "
        "[{name: a, image: i}]",
        "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux "
        "pod"}});
}

TEST(ValidatePod, ChecksResources) {
  Check({{"pod smaller than its containers",
          "resources: {requests: {cpu: 1}}, containers: [{name: a, image: i, resources: {requests: "
          "{cpu: 600m}}}, {name: b, image: i, resources: {limits: {cpu: 600m}}}]",
          "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to "
          "aggregate container requests of 1200m"},
         {"container larger than its pod",
          "resources: {limits: {memory: 1Gi}}, containers: [{name: a, image: i, resources: "
          "{limits: {memory: 2Gi}, requests: {memory: 1Mi}}}]",
          "spec.resources.containers[0][memory].limits: Invalid value: \"2Gi\": must be less than "
          "or equal to pod limits of 1Gi"},
         {"what a pod has not", "containers: [{name: a, image: i, resources: {limits: {pods: 1}}}]",
          "spec.containers[0].resources.limits[pods]: Invalid value: \"pods\": must be a standard "
          "resource for containers"},
         {"device not wholly requested",
          "containers: [{name: a, image: i, resources: {limits: {x.io/g: 2}, requests: {x.io/g: "
          "1}}}]",
          "spec.containers[0].resources.requests: Invalid value: \"1\": must be equal to x.io/g "
          "limit of 2"},
         {"divisor",
          "containers: [{name: a, image: i, env: [{name: A, valueFrom: {resourceFieldRef: "
          "{resource: limits.cpu, divisor: 2}}}]}]",
          "spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "
          "\"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource"}});
}

TEST(ValidatePod, ChecksNames) {
  Check(
      {{"search domains",
        "dnsConfig: {searches: [a.b., _x.y, '.', 'bad domain']}, containers: [{name: a, image: i}]",
        "spec.dnsConfig.searches[3]: Invalid value: \"bad domain\": a lowercase RFC 1123 subdomain "
        "must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
       {"nothing to take variables from",
        "containers: [{name: a, image: i, envFrom: [{prefix: A}]}]",
        "spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or "
        "`secretRef`"},
       {"host name of the host",
        "hostNetwork: true, hostnameOverride: h, containers: [{name: a, image: i}]",
        "spec.hostnameOverride: Forbidden: may not be set when hostNetwork is true"},
       {"nothing in a list", "containers: [null]",
        "spec.containers[0].name: Required value\nline 4: spec.containers[0].image: Required "
        "value"}});
}

}  // namespace
}  // namespace keelson::kube
