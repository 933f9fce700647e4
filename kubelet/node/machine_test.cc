// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/machine.h"

#include <gtest/gtest.h>

namespace keelson::node {
namespace {

kube::ResourceList List(const std::string& cpu, const std::string& memory) {
  return {{"cpu", kube::Quantity::Parse(cpu).value()},
          {"memory", kube::Quantity::Parse(memory).value()}};
}

TEST(Allocatable, IsWhatTheReservationsLeave) {
  const node_cgroup::NodeCapacity capacity{.milli_cpu = 4000, .memory_bytes = int64_t{8} << 30};
  const node_cgroup::NodeCapacity left =
      Allocatable(capacity, List("500m", "1Gi"), List("250m", "512Mi"), 110, 0);
  EXPECT_EQ(left.milli_cpu, 3250);
  EXPECT_EQ(left.memory_bytes, (int64_t{8} << 30) - (int64_t{1536} << 20));
  EXPECT_EQ(left.pods, 110);
  const node_cgroup::NodeCapacity none = Allocatable(capacity, List("5", "9Gi"), {}, 110, 0);
  EXPECT_EQ(none.milli_cpu, 0);
  EXPECT_EQ(none.memory_bytes, 0);
}

TEST(Allocatable, HasAsManyPodsAsTheCoresAllow) {
  const node_cgroup::NodeCapacity capacity{.milli_cpu = 4000, .memory_bytes = 1};
  EXPECT_EQ(Allocatable(capacity, {}, {}, 110, 10).pods, 40);
  EXPECT_EQ(Allocatable(capacity, {}, {}, 30, 10).pods, 30);
}

TEST(Machine, HasProcessorsMemoryAnAddressAndAName) {
  const auto capacity = Capacity();
  ASSERT_TRUE(capacity.ok());
  EXPECT_GE(capacity->milli_cpu, 1000);
  EXPECT_GT(capacity->memory_bytes, 1 << 20);
  EXPECT_EQ(NodeAddresses("192.0.2.1"), std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(NodeAddresses("").size(), 1u);
  EXPECT_FALSE(NodeName().empty());
}

}  // namespace
}  // namespace keelson::node
