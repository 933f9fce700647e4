// SPDX-License-Identifier: Apache-2.0
// What a kubelet of ours tells of use is what a master of ours reads.
#include <gtest/gtest.h>

#include "kubelet/node_api/figures.h"
#include "minimal-master/usage/resource_metrics.h"

namespace keelson::master_test {
namespace {

TEST(Figures, OfAKubeletAreReadByTheMaster) {
  constexpr int64_t kAt = 1'700'000'000'123'000'000;
  node_api::Figures figures;
  figures.machine.cpu = {kAt, 3'250'000'000, std::nullopt};
  figures.machine.memory = {.at = kAt, .working_set = 68'719'476'736};
  node_api::ContainerFigures container;
  container.name = "main";
  container.cpu = {kAt, 1'500'000'000, std::nullopt};
  container.memory = {.at = kAt, .working_set = 4096};
  node_api::PodFigures pod;
  pod.ns = "default";
  pod.name = "web";
  pod.containers = {container, container};
  pod.containers[1].name = "a\"b\\c";
  figures.pods = {pod};

  const usage::NodeReading read = usage::ReadResourceMetrics(node_api::ResourceMetrics(figures));
  EXPECT_EQ(read.node.cpu_seconds, 3.25);
  EXPECT_EQ(read.node.memory_bytes, 68'719'476'736.0);
  EXPECT_EQ(read.node.at_millis, kAt / 1'000'000);
  const auto& containers = read.containers.at({"default", "web"});
  EXPECT_EQ(containers.size(), 2u);
  EXPECT_EQ(containers.at("main").cpu_seconds, 1.5);
  EXPECT_EQ(containers.at("main").memory_bytes, 4096.0);
  EXPECT_EQ(containers.at("a\"b\\c").at_millis, kAt / 1'000'000);
}

}  // namespace
}  // namespace keelson::master_test
