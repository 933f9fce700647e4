// SPDX-License-Identifier: Apache-2.0
#include "runtime/operations/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"

namespace keelson::operations {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

TEST(Operations, AreListedWithStageAndAgeOldestFirst) {
  base::ManualClock clock;
  Operations operations(clock);
  Operation first(operations, "RunPodSandbox", "default/web");
  clock.Advance(milliseconds(5));
  Operation second(operations, "StartContainer", "abc");
  second.Begin();
  Stage("volumes");
  clock.Advance(milliseconds(7));
  const std::vector<UnderWay> list = operations.List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].call, "RunPodSandbox");
  EXPECT_EQ(list[0].stage, "waiting for a thread");
  EXPECT_EQ(list[0].age, milliseconds(12));
  EXPECT_EQ(list[1].object, "abc");
  EXPECT_EQ(list[1].stage, "volumes");
  EXPECT_EQ(list[1].age_of_stage, milliseconds(7));
}

TEST(Operations, TellWhatEachStageTookOnceTheyAreDone) {
  base::ManualClock clock;
  std::vector<Finished> done;
  Operations operations(clock, [&](const Finished& finished) { done.push_back(finished); });
  {
    Operation operation(operations, "StartContainer", "abc");
    clock.Advance(milliseconds(1));
    operation.Begin();
    clock.Advance(milliseconds(2));
    Stage("monitor");
    clock.Advance(milliseconds(4));
    operation.Failed();
  }
  Stage("of nothing");
  EXPECT_TRUE(operations.List().empty());
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].total, milliseconds(7));
  EXPECT_EQ(Describe(done[0]),
            "StartContainer failed 7.00 ms: waiting for a thread 1.00, checks 2.00, "
            "monitor 4.00 (slowest)");
}

TEST(Operations, AnInnerOneGivesTheThreadBack) {
  base::ManualClock clock;
  std::vector<Finished> done;
  Operations operations(clock, [&](const Finished& finished) { done.push_back(finished); });
  {
    Operation outer(operations, "RemovePodSandbox", "a");
    outer.Begin();
    {
      Operation inner(operations, "StopContainer", "b");
      inner.Begin();
      Stage("signal");
    }
    Stage("directory");
  }
  ASSERT_EQ(done.size(), 2u);
  EXPECT_STREQ(done[0].stages.back().first, "signal");
  EXPECT_STREQ(done[1].stages.back().first, "directory");
}

TEST(Operations, AStageIsToldInItsParts) {
  base::ManualClock clock;
  std::string told;
  Operations operations(clock, [&](const Finished& finished) { told = Describe(finished); });
  {
    Operation operation(operations, "StartContainer", "c");
    operation.Begin();
    Stage("monitor");
    clock.Advance(std::chrono::microseconds(2500));
    Within({{"monitor/clone", std::chrono::microseconds(300)},
            {"monitor/layers", std::chrono::microseconds(1800)}});
    Stage("record");
    clock.Advance(std::chrono::microseconds(100));
  }
  EXPECT_EQ(told,
            "StartContainer 2.60 ms: waiting for a thread 0.00, checks 0.00, monitor 0.40, "
            "monitor/clone 0.30, monitor/layers 1.80 (slowest), record 0.10");
}

}  // namespace
}  // namespace keelson::operations
