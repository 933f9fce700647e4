// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/downward.h"

#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"

namespace keelson::pod {
namespace {

const node_cgroup::NodeCapacity kNode{.milli_cpu = 3500, .memory_bytes = int64_t{8} << 30};

TEST(Downward, TellsAPodAboutItself) {
  const kube::Pod pod = TestPod(
      "containers: [{name: a, image: b}]\nserviceAccountName: robot",
      R"(labels: {app: shop, tier: ""}, annotations: {note: "say \"hi\"\nthere", b.example/x: z})");
  const volume::DownwardValues values =
      DownwardOf(pod, {.node_name = "node", .host_ips = {"192.0.2.7", "2001:db8::7"}},
                 {"10.0.0.2", "fd00::2"}, kNode);
  const std::map<std::string, std::string> expected = {
      {"metadata.name", "web"},
      {"metadata.namespace", "shop"},
      {"metadata.uid", "u-1"},
      {"metadata.labels", "app=\"shop\"\ntier=\"\""},
      {"metadata.annotations", "b.example/x=\"z\"\nnote=\"say \\\"hi\\\"\\nthere\""},
      {"metadata.labels['app']", "shop"},
      {"metadata.labels['tier']", ""},
      {"metadata.annotations['note']", "say \"hi\"\nthere"},
      {"metadata.annotations['b.example/x']", "z"},
      {"spec.nodeName", "node"},
      {"spec.serviceAccountName", "robot"},
      {"status.hostIP", "192.0.2.7"},
      {"status.hostIPs", "192.0.2.7,2001:db8::7"},
      {"status.podIP", "10.0.0.2"},
      {"status.podIPs", "10.0.0.2,fd00::2"},
  };
  EXPECT_EQ(values.fields, expected);
  EXPECT_EQ(DownwardOf(pod, {}, {}, kNode).fields.at("status.podIP"), "");
}

TEST(Downward, TellsOfResourcesInPartsThatAreAskedFor) {
  struct Case {
    std::string resource, divisor, expected;
  };
  // Container a: limits cpu 1500m, memory 100Mi; requests cpu 250m, memory 64Mi. Container b:
  // nothing, the node's for limits.
  const Case cases[] = {
      {"limits.cpu", "", "2"},
      {"limits.cpu", "1", "2"},
      {"limits.cpu", "1m", "1500"},
      {"requests.cpu", "1m", "250"},
      {"requests.cpu", "", "1"},
      {"limits.memory", "", "104857600"},
      {"limits.memory", "1Mi", "100"},
      {"limits.memory", "1Gi", "1"},
      {"requests.memory", "1Ki", "65536"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.resource + " / " + c.divisor);
    const kube::Pod pod = TestPod(
        "containers:\n- name: a\n  image: b\n  resources: {limits: {cpu: 1500m, memory: 100Mi}, "
        "requests: {cpu: 250m, memory: 64Mi}}\n"
        "  env: [{name: X, valueFrom: {resourceFieldRef: {resource: " +
        c.resource + (c.divisor.empty() ? "" : ", divisor: " + c.divisor) + "}}}]");
    const volume::DownwardValues values = DownwardOf(pod, {}, {}, kNode);
    ASSERT_EQ(values.resources.size(), 1u);
    EXPECT_EQ(values.resources.at(volume::ResourceKey(pod.spec.containers[0].env[0].resource, "a")),
              c.expected);
  }
  const Case of_node[] = {{"limits.cpu", "1m", "3500"},
                          {"limits.memory", "1Gi", "8"},
                          {"requests.cpu", "1m", "0"},
                          {"requests.memory", "", "0"}};
  for (const Case& c : of_node) {
    SCOPED_TRACE(c.resource);
    const kube::Pod pod = TestPod(
        "containers: [{name: b, image: b}]\nvolumes:\n- name: v\n  downwardAPI:\n    items: "
        "[{path: x, resourceFieldRef: {containerName: b, resource: " +
        c.resource + (c.divisor.empty() ? "" : ", divisor: " + c.divisor) + "}}]");
    const volume::DownwardValues values = DownwardOf(pod, {}, {}, kNode);
    ASSERT_EQ(values.resources.size(), 1u);
    EXPECT_EQ(values.resources.begin()->second, c.expected);
  }
}

TEST(Downward, LeavesOutWhatIsNotThere) {
  kube::Pod pod = TestPod("containers: [{name: a, image: b}]");
  kube::EnvVar& variable = pod.spec.containers[0].env.emplace_back();
  variable.from = kube::EnvVar::From::kResource;
  variable.resource = {.container_name = "none", .resource = "limits.cpu"};
  EXPECT_TRUE(DownwardOf(pod, {}, {}, kNode).resources.empty());
}

}  // namespace
}  // namespace keelson::pod
