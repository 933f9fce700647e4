// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/machine.h"

#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

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

TEST(Allocatable, HugePagesAreReservedByTheirSizeAndTakenOffTheMemory) {
  node_cgroup::NodeCapacity capacity{.milli_cpu = 4000, .memory_bytes = int64_t{8} << 30};
  capacity.huge_pages = {{"hugepages-1Gi", int64_t{2} << 30}, {"hugepages-2Mi", 64 << 20}};
  const node_cgroup::NodeCapacity left =
      Allocatable(capacity, {{"hugepages-2Mi", kube::Quantity::FromUnits(16 << 20)}},
                  {{"hugepages-1Gi", kube::Quantity::FromUnits(int64_t{3} << 30)}}, 110, 0);
  EXPECT_EQ(left.huge_pages.at("hugepages-2Mi"), 48 << 20);
  EXPECT_EQ(left.huge_pages.at("hugepages-1Gi"), 0);
  EXPECT_EQ(left.memory_bytes, int64_t{8} << 30);
  EXPECT_EQ(WithoutHugePages(left.memory_bytes, capacity), (int64_t{6} << 30) - (64 << 20));
  EXPECT_EQ(WithoutHugePages(1 << 30, capacity), 0);
}

TEST(Machine, CountsItsHugePages) {
  const os::TempDir dir = os::TempDir::Create("keelson-machine").value();
  const auto pool = [&](const std::string& name, const std::string& pages) {
    ASSERT_TRUE(os::MakeDir(dir.path() + "/" + name, 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/" + name + "/nr_hugepages", pages, 0644).ok());
  };
  pool("hugepages-2048kB", "12\n");
  pool("hugepages-1048576kB", "0\n");
  pool("hugepages-64kB", "many\n");
  pool("other", "5\n");
  const std::map<std::string, int64_t> expected = {{"hugepages-1Gi", 0},
                                                   {"hugepages-2Mi", 24 << 20}};
  EXPECT_EQ(Capacity(dir.path())->huge_pages, expected);
  EXPECT_TRUE(Capacity(dir.path() + "/none")->huge_pages.empty());
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
