// SPDX-License-Identifier: Apache-2.0
#include "kubelet/source/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace keelson::source {
namespace {

constexpr int64_t kSeen = int64_t{1'767'323'045} * 1'000'000'000;  // 2026-01-02T03:04:05Z
constexpr char kWeb[] = R"(apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  containers:
  - name: a
    image: nginx:1
)";

kube::Pod Read(const std::string& text, const std::string& path = "/etc/m/web.yaml",
               const std::string& node = "Node-1") {
  const base::Result<kube::Pod> pod = StaticPod(path, text, node, kSeen);
  EXPECT_TRUE(pod.ok()) << pod.error().message();
  return pod.ok() ? *pod : kube::Pod();
}

TEST(Manifest, BecomesAStaticPod) {
  const kube::Pod pod = Read(kWeb);
  EXPECT_EQ(pod.metadata.name, "web-node-1");
  EXPECT_EQ(pod.metadata.namespace_name, "default");
  EXPECT_THAT(pod.metadata.uid, testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(pod.metadata.labels.at("app"), "web");
  EXPECT_EQ(pod.metadata.annotations.at("kubernetes.io/config.source"), "file");
  EXPECT_EQ(pod.metadata.annotations.at("kubernetes.io/config.seen"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(pod.metadata.annotations.at("kubernetes.io/config.hash"), pod.metadata.uid);
  EXPECT_EQ(pod.spec.node_name, "Node-1");
  EXPECT_EQ(json::WriteJson(pod.object.At({"spec", "tolerations"})),
            R"([{"effect":"NoExecute","operator":"Exists"}])");
}

TEST(Manifest, KeepsTheIdentityThatItGives) {
  const kube::Pod pod = Read(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: kube-system, uid: my-own}\n"
      "spec: {containers: [{name: a, image: b}], tolerations: [{key: x, operator: Exists}]}\n");
  EXPECT_EQ(pod.metadata.uid, "my-own");
  EXPECT_EQ(pod.metadata.namespace_name, "kube-system");
  EXPECT_NE(pod.metadata.annotations.at("kubernetes.io/config.hash"), "my-own");
  EXPECT_EQ(pod.object.At({"spec", "tolerations"}).items().size(), 2u);
}

TEST(Manifest, IdentityFollowsContentNodeAndPath) {
  const std::string uid = Read(kWeb).metadata.uid;
  EXPECT_EQ(Read(kWeb).metadata.uid, uid);
  EXPECT_EQ(Read(std::string("# a remark\n") + kWeb).metadata.uid, uid);
  EXPECT_EQ(
      Read(
          R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web"}},"spec":{"containers":[{"name":"a","image":"nginx:1"}]}})")
          .metadata.uid,
      uid);
  std::string other = kWeb;
  other.replace(other.find("nginx:1"), 7, "nginx:2");
  const std::set<std::string> uids = {uid, Read(other).metadata.uid,
                                      Read(kWeb, "/etc/m/other.yaml").metadata.uid,
                                      Read(kWeb, "/etc/m/web.yaml", "node-2").metadata.uid};
  EXPECT_EQ(uids.size(), 4u);
}

TEST(Manifest, NamesFileAndPlaceOfWhatIsWrong) {
  struct Case {
    std::string_view name, text, message;
  };
  const Case cases[] = {
      {"nothing", "", "web.yaml: "},
      {"no YAML", "a: [", "web.yaml: line 1"},
      {"no pod", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "Service"},
      {"an unknown field",
       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    "
       "image: b\n    imagee: c\n",
       "line 8"},
      {"no containers", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n",
       "spec.containers"},
      {"resource claims",
       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: "
       "b}]\n  resourceClaims: [{name: c, resourceClaimName: d}]\n",
       "resourceClaims"},
      {"variables from files",
       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  volumes: [{name: v, emptyDir: "
       "{}}]\n  containers:\n  - name: a\n    image: b\n    env:\n"
       "    - {name: X, valueFrom: {fileKeyRef: {volumeName: v, path: f, key: k}}}\n",
       "container a, env X: this node cannot take variables from files"},
      {"trust bundles",
       "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: "
       "b}]\n  volumes:\n  - name: v\n    projected:\n"
       "      sources: [{clusterTrustBundle: {name: x, path: y}}]\n",
       "clusterTrustBundle"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const base::Result<kube::Pod> pod = StaticPod("web.yaml", c.text, "node", kSeen);
    ASSERT_FALSE(pod.ok());
    EXPECT_TRUE(pod.error().message().starts_with("web.yaml: ")) << pod.error().message();
    EXPECT_NE(pod.error().message().find(c.message), std::string::npos) << pod.error().message();
  }
}

}  // namespace
}  // namespace keelson::source
