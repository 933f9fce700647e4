// SPDX-License-Identifier: Apache-2.0
// Names and limits of both trees, without a kernel. What systemd makes of them:
// systemd_component_test.cc.
#include "kubelet/cgroup/tree.h"

#include <gmock/gmock.h>

#include "lib/systemd/fake_units.h"

namespace keelson::node_cgroup {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

cgroup::Layout V2() {
  cgroup::Layout layout;
  layout.v2 = true;
  layout.unified = "/nonexistent";
  return layout;
}

class TreeTest : public testing::Test {
 protected:
  systemd::FakeUnits* units_ = new systemd::FakeUnits;  // the tree's
  std::unique_ptr<Tree> slices_ = MakeSystemdTree(V2(), std::unique_ptr<systemd::Units>(units_));
  std::unique_ptr<Tree> directories_ = MakeCgroupfsTree(V2());
};

TEST_F(TreeTest, SlicesAreNamedAsUpstreamsKubeletDoes) {
  EXPECT_EQ(slices_->PathOf({"kubepods", "burstable", "pod0a1b-22"}).value(),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b_22.slice");
  EXPECT_EQ(slices_->PathOf({"kubepods", "pod1"}).value(), "/kubepods.slice/kubepods-pod1.slice");
  EXPECT_EQ(directories_->PathOf({"kubepods", "burstable", "pod0a1b-22"}).value(),
            "/kubepods/burstable/pod0a1b-22");
}

TEST_F(TreeTest, APodIsKnownAgainByItsSlice) {
  for (const std::string part : {"pod0a1b-22", "podunder_score", "podboth-and_more"}) {
    const std::string path = slices_->PathOf({"kubepods", "burstable", part}).value();
    const std::string directory = path.substr(path.rfind('/') + 1);
    EXPECT_EQ(slices_->PartOf({"kubepods", "burstable"}, directory), part);
  }
  EXPECT_EQ(slices_->PartOf({"kubepods"}, "kubepods-burstable.slice"), "burstable");
  EXPECT_EQ(slices_->PartOf({"kubepods"}, "other-pod1.slice"), std::nullopt);
  EXPECT_EQ(slices_->PartOf({"kubepods"}, "kubepods-pod1.scope"), std::nullopt);
}

TEST_F(TreeTest, WhatCanBeNoGroupIsRefused) {
  for (const std::string part : {"pod../../other", "pod a", "pod\n"}) {
    EXPECT_FALSE(slices_->PathOf({"kubepods", part}).ok());
    EXPECT_FALSE(slices_->Remove({"kubepods", part}).ok());
  }
  EXPECT_FALSE(directories_->PathOf({"kubepods", "pod../../other"}).ok());
}

TEST_F(TreeTest, LimitsAreToldInTheUnitsOwnMeasures) {
  cgroup::Resources limits;
  limits.cpu_shares = 512;
  limits.cpu_quota = 25500;  // 25.5 %
  limits.cpu_period = 100000;
  limits.memory_limit = 64 << 20;
  limits.pids_limit = -1;
  EXPECT_THAT(SliceLimits(limits),
              UnorderedElementsAre(systemd::Property{"CPUWeight", cgroup::SharesToWeight(512)},
                                   systemd::Property{"CPUQuotaPerSecUSec", uint64_t{260000}},
                                   systemd::Property{"CPUQuotaPeriodUSec", uint64_t{100000}},
                                   systemd::Property{"MemoryMax", uint64_t{64 << 20}},
                                   systemd::Property{"TasksMax", systemd::kInfinity}));
  limits.cpu_quota = -1;
  limits.memory_limit = -1;
  EXPECT_THAT(SliceLimits(limits),
              Contains(systemd::Property{"CPUQuotaPerSecUSec", systemd::kInfinity}));
  EXPECT_THAT(SliceLimits(limits), Contains(systemd::Property{"MemoryMax", systemd::kInfinity}));
}

TEST_F(TreeTest, WhatIsNotThereCostsNoCallToRemove) {
  EXPECT_TRUE(slices_->Remove({"kubepods", "pod1"}).ok());
  EXPECT_THAT(units_->calls, ElementsAre());
}

}  // namespace
}  // namespace keelson::node_cgroup
