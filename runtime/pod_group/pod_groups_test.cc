// SPDX-License-Identifier: Apache-2.0
// Names and refusals. What is made on a real systemd: runtime/cri/systemd_component_test.cc.
#include "runtime/pod_group/pod_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/systemd/fake_units.h"

namespace keelson::pod_group {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

cgroup::Layout V2(const std::string& mount_point) {
  cgroup::Layout layout;
  layout.v2 = true;
  layout.unified = mount_point;
  return layout;
}

class SystemdGroupsTest : public testing::Test {
 protected:
  systemd::FakeUnits units_;
  std::unique_ptr<PodGroups> groups_ =
      MakeSystemdGroups(V2("/nonexistent"), units_, "/bin/cat").value();
};

TEST_F(SystemdGroupsTest, AContainerIsBelowThePodsScopeInItsSlice) {
  EXPECT_EQ(groups_->driver(), "systemd");
  EXPECT_EQ(groups_->PathOf("kubepods-pod1.slice", "s", "c").value(),
            "/kubepods.slice/kubepods-pod1.slice/keelson-s.scope/c");
  EXPECT_EQ(groups_->PathOf("/kubepods.slice/kubepods-pod1.slice", "s", "crio-c.scope").value(),
            "/kubepods.slice/kubepods-pod1.slice/keelson-s.scope/crio-c.scope");
  EXPECT_EQ(groups_->PathOf("", "s", "c").value(), "/keelson.slice/keelson-s.scope/c");
  EXPECT_EQ(groups_->PathOf("-.slice", "s", "c").value(), "/keelson-s.scope/c");
}

TEST_F(SystemdGroupsTest, AParentOfTheOtherDriversFormIsRefusedWithASentence) {
  const base::Result<std::string> path = groups_->PathOf("/kubepods/burstable/pod1", "s", "c");
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().code(), base::Code::kInvalidArgument);
  EXPECT_EQ(
      path.error().message(),
      "cgroup_parent: the cgroup driver is systemd, and 'pod1' names no systemd slice: it does "
      "not end with .slice");
  const base::Result<std::string> other =
      MakeCgroupfsGroups(V2("/nonexistent"))->PathOf("kubepods-pod1.slice", "s", "c");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("the cgroup driver is cgroupfs"));
}

TEST_F(SystemdGroupsTest, AScopeThatIsElsewhereIsStoppedAndRefused) {
  // The units of this test move no process.
  const base::Result<std::unique_ptr<Hold>> made = groups_->Make({"s", "a.slice", "Pod x/\ny"});
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message(), HasSubstr("not at '/a.slice/keelson-s.scope'"));
  EXPECT_TRUE(units_.units.empty());
}

TEST_F(SystemdGroupsTest, RemovalOfWhatIsNotThereIsOneCall) {
  EXPECT_TRUE(groups_->Remove({"s", "a.slice", ""}).ok());
  EXPECT_TRUE(groups_->Remove({"t", "/not/a/slice", ""}).ok());
  EXPECT_THAT(units_.calls, ElementsAre("stop keelson-s.scope", "stop keelson-t.scope"));
}

TEST(SystemdGroups, NeedsCgroupV2) {
  systemd::FakeUnits units;
  const base::Result<std::unique_ptr<PodGroups>> groups = MakeSystemdGroups({}, units, "/bin/cat");
  ASSERT_FALSE(groups.ok());
  EXPECT_THAT(groups.error().message(), HasSubstr("needs cgroup v2"));
}

}  // namespace
}  // namespace keelson::pod_group
