// SPDX-License-Identifier: Apache-2.0
#include "lib/systemd/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/systemd/fake_units.h"

namespace keelson::systemd {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(UnitsTest, AScopeIsDelegatedAndLeavesNoFailedUnit) {
  const Properties properties = ScopeProperties("kubepods-pod1.slice", "a pod", 7);
  EXPECT_THAT(properties, Contains(Property{"Delegate", true}));
  EXPECT_THAT(properties, Contains(Property{"CollectMode", std::string("inactive-or-failed")}));
  EXPECT_THAT(properties, Contains(Property{"TasksMax", kInfinity}));
  EXPECT_THAT(properties, Contains(Property{"PIDs", std::vector<uint32_t>{7}}));
}

TEST(UnitsTest, AFailedUnitIsResetAtARetry) {
  FakeUnits units;
  units.units["a.scope"].state = "failed";
  EXPECT_TRUE(StartAnew(units, "a.scope", {}).ok());
  EXPECT_THAT(units.calls, ElementsAre("start a.scope", "reset a.scope", "start a.scope"));
  EXPECT_EQ(units.units["a.scope"].state, "active");
}

TEST(UnitsTest, AUnitThatStillStandsIsStoppedFirst) {
  FakeUnits units;
  units.units["a.scope"].state = "active";
  EXPECT_TRUE(StartAnew(units, "a.scope", {{"Delegate", true}}).ok());
  EXPECT_THAT(units.calls, ElementsAre("start a.scope", "reset a.scope", "start a.scope",
                                       "stop a.scope", "start a.scope"));
  EXPECT_THAT(units.units["a.scope"].properties, ElementsAre(Property{"Delegate", true}));
}

TEST(UnitsTest, ANewUnitCostsOneCall) {
  FakeUnits units;
  EXPECT_TRUE(StartAnew(units, "a.scope", {}).ok());
  EXPECT_TRUE(EnsureSlice(units, "a.slice", {{"MemoryMax", uint64_t{5}}}).ok());
  EXPECT_THAT(units.calls, ElementsAre("start a.scope", "start a.slice"));
}

TEST(UnitsTest, ASliceThatIsThereGetsTheLimits) {
  FakeUnits units;
  EXPECT_TRUE(EnsureSlice(units, "a.slice", {{"MemoryMax", uint64_t{5}}}).ok());
  EXPECT_TRUE(EnsureSlice(units, "a.slice", {{"MemoryMax", uint64_t{6}}}).ok());
  EXPECT_THAT(units.units["a.slice"].properties, Contains(Property{"MemoryMax", uint64_t{6}}));
  units.units["a.slice"].state = "failed";
  EXPECT_TRUE(EnsureSlice(units, "a.slice", {{"MemoryMax", uint64_t{7}}}).ok());
  EXPECT_THAT(units.units["a.slice"].properties, Contains(Property{"MemoryMax", uint64_t{7}}));
}

TEST(UnitsTest, AnErrorOfTheFirstCallIsTheAnswer) {
  FakeUnits units;
  units.next_errors.push_back(base::Error(base::Code::kPermissionDenied, "no"));
  EXPECT_EQ(StartAnew(units, "a.scope", {}).error().code(), base::Code::kPermissionDenied);
  EXPECT_THAT(units.calls, ElementsAre("start a.scope"));
}

}  // namespace
}  // namespace keelson::systemd
