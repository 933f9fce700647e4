// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/zones.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace keelson::controllers::nodes {
namespace {

using std::chrono::seconds;

base::SteadyTime At(int second) { return base::SteadyTime(seconds(second)); }

TEST(NodeZones, AreWellPartlyOrWhollyDown) {
  EXPECT_EQ(StateOfZone(3, 0, {}), ZoneState::kNormal);
  EXPECT_EQ(StateOfZone(1, 2, {}), ZoneState::kNormal) << "two are too few to tell";
  EXPECT_EQ(StateOfZone(3, 3, {}), ZoneState::kNormal);
  EXPECT_EQ(StateOfZone(2, 3, {}), ZoneState::kPartial);
  EXPECT_EQ(StateOfZone(0, 1, {}), ZoneState::kFull);
}

TEST(NodeZones, ANodeIsEmptiedInTenSeconds) {
  Zones zones({});
  zones.Put("a", "z", true);
  zones.Put("b", "z", false);
  EXPECT_TRUE(zones.Take("z", At(100)));
  EXPECT_FALSE(zones.Take("z", At(109)));
  EXPECT_TRUE(zones.Take("z", At(110)));
  EXPECT_FALSE(zones.Take("other", At(200)));
}

TEST(NodeZones, AZoneThatIsPartlyDownIsEmptiedSlowlyOrNotAtAll) {
  Zones zones({});
  for (int i = 0; i < 60; ++i) zones.Put(fmt::format("n{}", i), "z", i < 20);
  EXPECT_TRUE(zones.Take("z", At(100)));
  EXPECT_FALSE(zones.Take("z", At(199)));
  EXPECT_TRUE(zones.Take("z", At(200)));
  for (int i = 20; i < 40; ++i) zones.Remove(fmt::format("n{}", i));
  // Forty nodes, half of them silent: well again.
  EXPECT_EQ(zones.StateOf("z"), ZoneState::kNormal);
  for (int i = 10; i < 20; ++i) zones.Remove(fmt::format("n{}", i));
  EXPECT_EQ(zones.StateOf("z"), ZoneState::kPartial);
  EXPECT_FALSE(zones.Take("z", At(1000))) << "a small one is left alone";
}

TEST(NodeZones, WhereNoNodeReportsNobodyIsBlamed) {
  Zones zones({});
  EXPECT_FALSE(zones.AllDown());
  zones.Put("a", "x", false);
  zones.Put("b", "y", false);
  EXPECT_TRUE(zones.AllDown());
  EXPECT_FALSE(zones.Take("x", At(100)));
  // One zone that is well: the other is emptied at its pace.
  zones.Put("b", "y", true);
  EXPECT_FALSE(zones.AllDown());
  EXPECT_EQ(zones.StateOf("x"), ZoneState::kFull);
  EXPECT_TRUE(zones.Take("x", At(100)));
}

}  // namespace
}  // namespace keelson::controllers::nodes
