// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"

namespace keelson::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(References, AreAllThatAPodNamesAndNothingElse) {
  kube::Pod pod = pod::TestPod(R"(
volumes:
- {name: v, configMap: {name: settings}}
- {name: s, secret: {secretName: keys}}
- name: p
  projected:
    sources:
    - {serviceAccountToken: {path: token, audience: vault, expirationSeconds: 700}}
    - {configMap: {name: root}}
    - {secret: {name: inner}}
imagePullSecrets: [{name: pull}]
initContainers:
- {name: i, image: x, envFrom: [{secretRef: {name: from}}]}
containers:
- name: a
  image: x
  env:
  - {name: A, valueFrom: {configMapKeyRef: {name: one, key: k}}}
  - {name: B, value: plain}
)");
  pod.metadata.uid = "u";
  pod.metadata.namespace_name = "shop";
  const References names = ReferencesOf(pod);
  std::vector<std::string> objects;
  for (const ObjectKey& key : names.objects)
    objects.push_back((key.secret ? "secret " : "configmap ") + key.ns + "/" + key.name);
  EXPECT_THAT(objects, ElementsAre("configmap shop/one", "configmap shop/root",
                                   "configmap shop/settings", "secret shop/from",
                                   "secret shop/inner", "secret shop/keys", "secret shop/pull"));
  ASSERT_EQ(names.tokens.size(), 1u);
  EXPECT_EQ(names.tokens.begin()->audience, "vault");
  EXPECT_EQ(names.tokens.begin()->seconds, 700);
}

TEST(References, OfAPlainPodThereAreNone) {
  const References names = ReferencesOf(pod::TestPod("containers: [{name: a, image: x}]"));
  EXPECT_THAT(names.objects, IsEmpty());
  EXPECT_THAT(names.tokens, IsEmpty());
}

}  // namespace
}  // namespace keelson::cluster
