// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/orphan.h"

#include <gtest/gtest.h>

namespace keelson::lifecycle {
namespace {

const kube::ObjectMeta kMetadata{.name = "web", .namespace_name = "shop", .uid = "u"};

TEST(Orphan, EndsWithItsOwnGraceAndHooks) {
  pod::Observed observed;
  observed.containers.push_back({.id = "2",
                                 .name = "a",
                                 .attempt = 1,
                                 .image = "img",
                                 .pre_stop = R"({"httpGet":{"path":"/bye","port":"http"}})",
                                 .ports = R"([{"name":"http","containerPort":8080}])",
                                 .pod_grace_seconds = 45});
  observed.containers.push_back({.id = "1", .name = "a", .image = "img"});
  observed.containers.push_back({.id = "3", .name = "b", .image = "img", .pod_grace_seconds = 45});
  const kube::Pod pod = OrphanPod(kMetadata, observed);
  EXPECT_EQ(pod.metadata.uid, "u");
  EXPECT_EQ(pod.metadata.namespace_name, "shop");
  EXPECT_EQ(pod.spec.termination_grace_period_seconds, 45);
  ASSERT_EQ(pod.spec.containers.size(), 2u);
  ASSERT_TRUE(pod.spec.containers[0].pre_stop.has_value());
  EXPECT_TRUE(std::holds_alternative<kube::HttpGetAction>(*pod.spec.containers[0].pre_stop));
  EXPECT_EQ(pod.spec.containers[0].ports.size(), 1u);
  EXPECT_FALSE(pod.spec.containers[1].pre_stop.has_value());
}

TEST(Orphan, WhatCannotBeReadEndsWithoutHooks) {
  pod::Observed observed;
  observed.containers.push_back({.id = "1",
                                 .name = "a",
                                 .image = "img",
                                 .pre_stop = R"({"exec":{"comand":["x"]}})",
                                 .pod_grace_seconds = 5});
  const kube::Pod pod = OrphanPod(kMetadata, observed);
  EXPECT_EQ(pod.metadata.uid, "u");
  EXPECT_EQ(pod.spec.termination_grace_period_seconds, 5);
  EXPECT_TRUE(pod.spec.containers.empty());
  EXPECT_EQ(OrphanPod(kMetadata, {}).spec.termination_grace_period_seconds, 1);
}

}  // namespace
}  // namespace keelson::lifecycle
