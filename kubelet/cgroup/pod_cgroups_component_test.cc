// SPDX-License-Identifier: Apache-2.0
// The tree of pods on the machine's real cgroups, v1 or v2 as they are, below a root of the test's
// own.
#include "kubelet/cgroup/pod_cgroups.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/base/ids.h"
#include "lib/os/files.h"

namespace keelson::node_cgroup {
namespace {

class PodCgroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    layout_ = cgroup::DetectLayout().value();
    NodeCapacity allocatable;
    allocatable.milli_cpu = 2000;
    allocatable.memory_bytes = int64_t{1} << 30;
    auto made = PodCgroups::Create(root_, allocatable);
    ASSERT_TRUE(made.ok()) << made.error().message();
    pods_ = std::move(*made);
  }
  void TearDown() override {
    if (!pods_) return;
    const base::Status gone = pods_->RemoveAll();
    EXPECT_TRUE(gone.ok()) << gone.error().message();
    EXPECT_FALSE(cgroup::Group(layout_, root_).Exists());
  }
  static kube::Pod PodOf(const std::string& uid, const std::string& cpu,
                         const std::string& memory) {
    kube::Pod pod;
    pod.metadata.uid = uid;
    kube::Container container;
    container.name = "c";
    if (!cpu.empty())
      container.resources.requests["cpu"] = container.resources.limits["cpu"] =
          kube::Quantity::Parse(cpu).value();
    if (!memory.empty())
      container.resources.requests["memory"] = kube::Quantity::Parse(memory).value();
    if (!memory.empty())
      container.resources.limits["memory"] = kube::Quantity::Parse(memory).value();
    pod.spec.containers.push_back(container);
    return pod;
  }
  std::string Read(const std::string& path, const std::string& v1_controller,
                   const std::string& v1_file, const std::string& v2_file) const {
    const std::string base = layout_.v2 ? layout_.unified : layout_.hierarchies.at(v1_controller);
    std::string text =
        os::ReadFile(base + path + "/" + (layout_.v2 ? v2_file : v1_file)).ValueOr("(none)\n");
    text.pop_back();
    return text;
  }

  const std::string root_ = "/keelson-test-" + base::RandomHex(4);
  cgroup::Layout layout_;
  std::unique_ptr<PodCgroups> pods_;
};

TEST_F(PodCgroupsTest, PodsHaveNoMorePidsThanTheyMay) {
  if (layout_.v2 ? false : !layout_.hierarchies.contains("pids"))
    GTEST_SKIP() << "the machine has no pids controller";
  EXPECT_EQ(pods_->Ensure(PodOf("free", "", "")).ValueOr(""), root_ + "/besteffort/podfree");
  EXPECT_EQ(Read(root_ + "/besteffort/podfree", "pids", "pids.max", "pids.max"), "max");
  NodeCapacity allocatable;
  allocatable.memory_bytes = int64_t{1} << 30;
  const auto limited = PodCgroups::Create(root_, allocatable, 100).value();
  EXPECT_TRUE(limited->Ensure(PodOf("a", "", "")).ok());
  EXPECT_EQ(Read(root_ + "/besteffort/poda", "pids", "pids.max", "pids.max"), "100");
}

TEST_F(PodCgroupsTest, TiersByQosAndLimitsOfEachPod) {
  EXPECT_EQ(pods_->Ensure(PodOf("a", "500m", "64Mi")).ValueOr(""), root_ + "/poda");
  EXPECT_EQ(pods_->Ensure(PodOf("b", "250m", "")).ValueOr(""), root_ + "/burstable/podb");
  EXPECT_EQ(pods_->Ensure(PodOf("c", "", "")).ValueOr(""), root_ + "/besteffort/podc");
  EXPECT_EQ(Read(root_ + "/poda", "memory", "memory.limit_in_bytes", "memory.max"),
            std::to_string(64 << 20));
  EXPECT_EQ(Read(root_ + "/poda", "cpu", "cpu.cfs_quota_us", "cpu.max"),
            layout_.v2 ? "50000 100000" : "50000");
  EXPECT_EQ(Read(root_ + "/burstable/podb", "cpu", "cpu.cfs_quota_us", "cpu.max"),
            layout_.v2 ? "25000 100000" : "25000");
  EXPECT_EQ(Read(root_ + "/besteffort/podc", "cpu", "cpu.cfs_quota_us", "cpu.max"),
            layout_.v2 ? "max 100000" : "-1");
  EXPECT_EQ(Read(root_, "memory", "memory.limit_in_bytes", "memory.max"), std::to_string(1 << 30));
  EXPECT_THAT(pods_->PodsOnNode().value(), testing::ElementsAre("a", "b", "c"));
}

TEST_F(PodCgroupsTest, HugePagesAreForThoseThatAskForThem) {
  if (!layout_.v2 && !layout_.hierarchies.contains("hugetlb"))
    GTEST_SKIP() << "the machine has no hugetlb controller";
  if (!os::Exists("/sys/kernel/mm/hugepages/hugepages-2048kB"))
    GTEST_SKIP() << "the machine has no pages of 2 MiB";
  NodeCapacity node;
  node.memory_bytes = int64_t{1} << 30;
  node.huge_pages = {{"hugepages-2Mi", 64 << 20}};
  const auto pods = PodCgroups::Create(root_, node).value();
  kube::Pod asks = PodOf("a", "500m", "64Mi");
  for (kube::ResourceList* list :
       {&asks.spec.containers[0].resources.requests, &asks.spec.containers[0].resources.limits})
    (*list)["hugepages-2Mi"] = kube::Quantity::FromUnits(4 << 20);
  ASSERT_TRUE(pods->Ensure(asks).ok());
  ASSERT_TRUE(pods->Ensure(PodOf("b", "", "")).ok());
  const auto limit = [&](const std::string& path) {
    return Read(path, "hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max");
  };
  EXPECT_EQ(limit(root_), std::to_string(64 << 20));
  EXPECT_EQ(limit(root_ + "/poda"), std::to_string(4 << 20));
  EXPECT_EQ(limit(root_ + "/besteffort/podb"), "0");
}

TEST_F(PodCgroupsTest, CpuLimitsAreOfTheConfiguredPeriodOrNotAtAll) {
  NodeCapacity node;
  node.memory_bytes = int64_t{1} << 30;
  const auto quota = [&](const CpuQuota& rule) {
    EXPECT_TRUE(
        PodCgroups::Create(root_, node, -1, rule).value()->Ensure(PodOf("a", "500m", "64Mi")).ok());
    return Read(root_ + "/poda", "cpu", "cpu.cfs_quota_us", "cpu.max");
  };
  EXPECT_EQ(quota({true, 20000}), layout_.v2 ? "10000 20000" : "10000");
  // What a life with other settings left is taken back.
  EXPECT_EQ(quota({false, 100000}), layout_.v2 ? "max 100000" : "-1");
  EXPECT_EQ(quota({true, 100000}), layout_.v2 ? "50000 100000" : "50000");
}

TEST_F(PodCgroupsTest, SafeToRepeatAlsoWithOtherNumbers) {
  ASSERT_TRUE(pods_->Ensure(PodOf("a", "500m", "64Mi")).ok());
  ASSERT_TRUE(pods_->Ensure(PodOf("a", "1", "128Mi")).ok());
  EXPECT_EQ(Read(root_ + "/poda", "memory", "memory.limit_in_bytes", "memory.max"),
            std::to_string(128 << 20));
  NodeCapacity allocatable;
  allocatable.milli_cpu = 1000;
  allocatable.memory_bytes = int64_t{2} << 30;
  const auto again = PodCgroups::Create(root_, allocatable);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_THAT((*again)->PodsOnNode().value(), testing::ElementsAre("a"));
}

TEST_F(PodCgroupsTest, RemoveFindsThePodInEitherTierAndAbsentIsFine) {
  ASSERT_TRUE(pods_->Ensure(PodOf("b", "250m", "")).ok());
  EXPECT_TRUE(pods_->Remove("b").ok());
  EXPECT_TRUE(pods_->Remove("b").ok());
  EXPECT_TRUE(pods_->PodsOnNode().value().empty());
  EXPECT_FALSE(pods_->Remove("../../other").ok());
}

TEST_F(PodCgroupsTest, WhatAllPodsUseTogetherIsKnown) {
  const base::Result<int64_t> used = pods_->WorkingSet();
  ASSERT_TRUE(used.ok()) << used.error().message();
  EXPECT_GE(*used, 0);
  EXPECT_LT(*used, 64 << 20) << "nothing runs in it";
}

TEST_F(PodCgroupsTest, BurstableSharesAreTheSum) {
  ASSERT_TRUE(pods_->SetBurstableShares(1500).ok());
  EXPECT_EQ(Read(root_ + "/burstable", "cpu", "cpu.shares", "cpu.weight"),
            layout_.v2 ? std::to_string(cgroup::SharesToWeight(1536)) : "1536");
}

}  // namespace
}  // namespace keelson::node_cgroup
