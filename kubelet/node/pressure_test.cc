// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/pressure.h"

#include <gtest/gtest.h>

namespace keelson::node {
namespace {

TEST(Pressure, BeginsBelowTheThresholds) {
  const PressureLimits limits{.memory_bytes = 100, .disk_bytes = 10, .pid_share = 0.1};
  EXPECT_EQ(PressureOf({100, 10, 90, 100}, limits), Pressure());
  EXPECT_TRUE(PressureOf({99, 10, 90, 100}, limits).memory);
  EXPECT_TRUE(PressureOf({100, 9, 90, 100}, limits).disk);
  EXPECT_TRUE(PressureOf({100, 10, 91, 100}, limits).pid);
}

TEST(Pressure, OfWhatIsNotKnownThereIsNone) {
  EXPECT_EQ(PressureOf({}, {.memory_bytes = 100, .disk_bytes = 10}), Pressure());
}

TEST(Pressure, TheMachineTellsItsSupply) {
  const Supply supply = LookAtSupply("/");
  EXPECT_GT(supply.memory_bytes, 0);
  EXPECT_GE(supply.disk_bytes, 0);
  EXPECT_GT(supply.pids, 0);
  EXPECT_GT(supply.pids_at_most, supply.pids);
}

}  // namespace
}  // namespace keelson::node
