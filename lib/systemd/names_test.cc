// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::systemd {
namespace {

TEST(SliceTest, EveryDashIsALevel) {
  EXPECT_EQ(PathOfSlice("keelson.slice").value(), "/keelson.slice");
  EXPECT_EQ(PathOfSlice("kubepods-burstable-pod1_2.slice").value(),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice");
  EXPECT_EQ(PathOfSlice("-.slice").value(), "/");
}

TEST(SliceTest, WhatNamesNoSliceIsRefused) {
  for (const char* name : {"", "kubepods", "a.scope", ".slice", "-a.slice", "a-.slice",
                           "a--b.slice", "a/b.slice", "a b.slice", "\n.slice"}) {
    const base::Result<std::string> path = PathOfSlice(name);
    ASSERT_FALSE(path.ok()) << name;
    EXPECT_EQ(path.error().code(), base::Code::kInvalidArgument);
  }
  EXPECT_FALSE(PathOfSlice(std::string(300, 'a') + ".slice").ok());
}

TEST(SliceTest, AParentIsANameOrTheWholePlace) {
  EXPECT_EQ(SliceOf("a-b.slice").value(), "a-b.slice");
  EXPECT_EQ(SliceOf("/a.slice/a-b.slice").value(), "a-b.slice");
  EXPECT_EQ(SliceOf("a.slice/a-b.slice/").value(), "a-b.slice");
  EXPECT_FALSE(SliceOf("/b.slice/a-b.slice").ok());
  EXPECT_FALSE(SliceOf("/a-b.slice").ok());
  EXPECT_FALSE(SliceOf("/kubepods/pod1").ok());
  EXPECT_FALSE(SliceOf("").ok());
  EXPECT_FALSE(SliceOf("/").ok());
}

TEST(SliceTest, DashesOfAPartAreNoLevels) {
  EXPECT_EQ(JoinSlice({"kubepods", "besteffort", "pod0a-1b"}),
            "kubepods-besteffort-pod0a_1b.slice");
}

TEST(SliceTest, TextsForTheBusArePlain) { EXPECT_EQ(Plain("a\xff\n z"), "a?? z"); }

}  // namespace
}  // namespace keelson::systemd
