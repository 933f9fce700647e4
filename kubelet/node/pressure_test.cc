// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/pressure.h"

#include <gtest/gtest.h>

namespace keelson::node {
namespace {

using eviction::Signal;

TEST(Supply, TheMachineTellsWhatIsLeft) {
  const Supply supply = LookAtSupply("/", "/proc");
  for (const Signal signal : {Signal::kMemory, Signal::kNodeDisk, Signal::kPids}) {
    SCOPED_TRACE(NameOf(signal));
    ASSERT_TRUE(supply.left.contains(signal));
    EXPECT_GE(supply.left.at(signal).available, 0);
    EXPECT_GT(supply.left.at(signal).capacity, supply.left.at(signal).available);
  }
  EXPECT_TRUE(supply.images_apart) << "procfs is no part of the root's file system";
  EXPECT_FALSE(LookAtSupply("/", "/").images_apart);
}

TEST(Supply, WhatIsNotThereIsNotKnown) {
  const Supply supply = LookAtSupply("/nothing-here", "");
  EXPECT_FALSE(supply.left.contains(Signal::kNodeDisk));
  EXPECT_FALSE(supply.left.contains(Signal::kImageDisk));
  EXPECT_FALSE(supply.images_apart);
}

}  // namespace
}  // namespace keelson::node
