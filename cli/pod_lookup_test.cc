// SPDX-License-Identifier: Apache-2.0
#include "cli/pod_lookup.h"

#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

json::Value List() {
  return json::ParseYaml(
             "items:\n"
             "- {metadata: {name: web-n1, namespace: default}, spec: {nodeName: N1}}\n"
             "- {metadata: {name: db, namespace: default}, spec: {nodeName: n1}}\n"
             "- {metadata: {name: db, namespace: other}, spec: {nodeName: n1}}\n"
             "- {metadata: {name: db-n1, namespace: default}, spec: {nodeName: n1}}\n")
      .value();
}

std::string Found(const std::string& text, const std::string& name_space = "") {
  const json::Value list = List();
  const auto pod = FindPod(list, ParsePodName(text, name_space));
  return pod.ok() ? (*pod)->At({"metadata", "namespace"}).AsString() + "/" +
                        (*pod)->At({"metadata", "name"}).AsString()
                  : pod.error().message();
}

TEST(PodLookup, FindsByNameWithOrWithoutTheNode) {
  EXPECT_EQ(Found("web-n1"), "default/web-n1");
  EXPECT_EQ(Found("web"), "default/web-n1");
  EXPECT_EQ(Found("pod/web"), "default/web-n1");
  EXPECT_EQ(Found("default/web"), "default/web-n1");
  EXPECT_EQ(Found("db", "other"), "other/db");
  EXPECT_EQ(Found("other/db"), "other/db");
  EXPECT_EQ(Found("db", "default"),
            "default/db");  // the whole name wins over one with the node left out
}

TEST(PodLookup, SaysWhatThereIs) {
  EXPECT_EQ(Found("db"), "several pods are called 'db': default/db, other/db; choose with -n");
  EXPECT_EQ(
      Found("x"),
      "no pod 'x' on this node; there are: default/web-n1, default/db, other/db, default/db-n1");
  EXPECT_EQ(Found("web", "other"), "no pod 'web' in namespace 'other'; there are: other/db");
  EXPECT_EQ(Found("web", "none"), "no pod 'web': there are none in namespace 'none'");
}

TEST(PodLookup, ChoosesTheContainer) {
  const json::Value pod = json::ParseYaml(
                              "{metadata: {name: web}, spec: {initContainers: [{name: i}], "
                              "containers: [{name: a}, {name: b}]}}")
                              .value();
  EXPECT_EQ(ChooseContainer(pod, "")->name, "a");
  EXPECT_EQ(ChooseContainer(pod, "")->note, "container 'a', the first of: a, b, i");
  EXPECT_EQ(ChooseContainer(pod, "i")->name, "i");
  EXPECT_EQ(ChooseContainer(pod, "b")->note, "");
  EXPECT_EQ(ChooseContainer(pod, "x").error().message(),
            "pod 'web' has no container 'x'; it has: a, b, i");
  json::Value marked = pod;
  marked.Find("metadata")
      ->Set("annotations",
            json::Value::Object({{"kubectl.kubernetes.io/default-container", json::Value("b")}}));
  EXPECT_EQ(ChooseContainer(marked, "")->name, "b");
  EXPECT_EQ(
      ChooseContainer(json::ParseYaml("{spec: {containers: [{name: only}]}}").value(), "")->note,
      "");
}

}  // namespace
}  // namespace keelson::cli
