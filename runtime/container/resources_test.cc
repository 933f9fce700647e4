// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/resources.h"

#include <gtest/gtest.h>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"

namespace keelson::container {
namespace {

TEST(ResourcesOfCri, AMergeChangesOnlyWhatItNames) {
  cri::LinuxContainerResources now;
  now.set_cpu_shares(512);
  now.set_cpu_quota(50000);
  now.set_memory_limit_in_bytes(64 << 20);
  now.set_cpuset_cpus("0-1");
  now.add_hugepage_limits()->set_page_size("2MB");
  (*now.mutable_unified())["memory.high"] = "1";
  cri::LinuxContainerResources change;
  change.set_cpu_quota(-1);
  change.set_oom_score_adj(-998);
  cri::HugepageLimit& pages = *change.add_hugepage_limits();
  pages.set_page_size("2MB");
  pages.set_limit(4 << 20);
  change.add_hugepage_limits()->set_page_size("1GB");
  (*change.mutable_unified())["memory.low"] = "2";
  Merge(change, now);
  EXPECT_EQ(now.cpu_shares(), 512);
  EXPECT_EQ(now.cpu_quota(), -1);
  EXPECT_EQ(now.memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(now.cpuset_cpus(), "0-1");
  EXPECT_EQ(now.oom_score_adj(), -998);
  ASSERT_EQ(now.hugepage_limits_size(), 2);
  EXPECT_EQ(now.hugepage_limits(0).limit(), 4u << 20);
  EXPECT_EQ(now.unified().size(), 2u);
}

TEST(ResourcesOfCri, TheKernelsValuesStandOverThoseAsked) {
  cri::LinuxContainerResources asked;
  asked.set_memory_limit_in_bytes(100'000'000);
  asked.set_memory_swap_limit_in_bytes(100'000'000);
  asked.set_cpu_shares(2);
  asked.set_oom_score_adj(7);
  cgroup::Resources kernel;
  kernel.memory_limit = 99'999'744;
  kernel.cpu_shares = 3;
  const cri::LinuxContainerResources actual = Actual(asked, kernel);
  EXPECT_EQ(actual.memory_limit_in_bytes(), 99'999'744);
  EXPECT_EQ(actual.memory_swap_limit_in_bytes(), 0) << "not counted here";
  EXPECT_EQ(actual.cpu_shares(), 3);
  EXPECT_EQ(actual.oom_score_adj(), 7);
}

TEST(ResourcesOfCri, WhatIsNoLimitIsRefusedWithItsField) {
  const auto refused = [](const char* field, const cri::LinuxContainerResources& wanted) {
    const base::Result<cgroup::Resources> result = ToCgroup(wanted);
    ASSERT_FALSE(result.ok()) << field;
    EXPECT_EQ(result.error().code(), base::Code::kInvalidArgument);
    EXPECT_NE(result.error().message().find(field), std::string::npos) << result.error().message();
  };
  cri::LinuxContainerResources wanted;
  wanted.set_cpuset_cpus("0\n1");
  refused("cpuset_cpus", wanted);
  wanted.set_cpuset_cpus("../x");
  refused("cpuset_cpus", wanted);
  wanted.clear_cpuset_cpus();
  wanted.set_cpu_shares(-1);
  refused("cpu_shares", wanted);
  wanted.clear_cpu_shares();
  (*wanted.mutable_unified())["memory.high"] = "1\n2";
  refused("unified", wanted);
  wanted.clear_unified();
  (*wanted.mutable_unified())["cgroup.kill"] = "1";
  refused("unified", wanted);
}

TEST(ResourcesOfCri, ClassesThatNobodySetsAreRefused) {
  cri::PodSandboxConfig pod;
  cri::ContainerConfig container;
  container.mutable_metadata()->set_name("web");
  auto& lines = *pod.mutable_annotations();
  EXPECT_TRUE(CheckClasses(pod, container).ok());
  lines["rdt.resources.beta.kubernetes.io/container.other"] = "gold";
  EXPECT_TRUE(CheckClasses(pod, container).ok()) << "of another container";
  lines["rdt.resources.beta.kubernetes.io/container.web"] = "gold";
  const base::Status rdt = CheckClasses(pod, container);
  ASSERT_FALSE(rdt.ok());
  EXPECT_NE(rdt.error().message().find("RDT class gold"), std::string::npos)
      << rdt.error().message();
  lines.clear();
  lines["blockio.resources.beta.kubernetes.io/pod"] = "slow";
  EXPECT_FALSE(CheckClasses(pod, container).ok());
  lines.clear();
  (*container.mutable_annotations())["io.kubernetes.cri.rdt-class"] = "gold";
  EXPECT_FALSE(CheckClasses(pod, container).ok());
}

}  // namespace
}  // namespace keelson::container
