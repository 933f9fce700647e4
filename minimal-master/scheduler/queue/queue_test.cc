// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/queue/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace keelson::scheduler::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;

class QueueTest : public ::testing::Test {
 protected:
  model::PodRef Pod(const std::string& name, int priority = 0, bool gated = false,
                    int64_t generation = 1) {
    auto pod = std::make_shared<model::Pod>();
    pod->uid = name;
    pod->priority = priority;
    pod->gated = gated;
    pod->generation = generation;
    return pod;
  }
  void Put(const std::string& name, int priority = 0) { queue_.Put(Pod(name, priority), now_); }
  std::vector<std::string> TakeAll() {
    std::vector<std::string> out;
    while (const auto taken = queue_.Take()) out.push_back(taken->pod->uid);
    return out;
  }
  void After(std::chrono::nanoseconds time) {
    now_ += time;
    queue_.Release(now_);
  }
  // Taken, and no node will do.
  void Refuse(const std::string& name, uint32_t why = 1, bool held = false) {
    ASSERT_THAT(TakeAll(), ElementsAre(name));
    queue_.Unschedulable(name, why, now_, held);
  }
  void WakeAll() {
    queue_.Wake([](const Waiting&) { return true; }, now_);
  }
  Place PlaceOf(const std::string& name) { return queue_.Find(name)->place; }

  Queue queue_;
  base::SteadyTime now_{seconds(1000)};
};

TEST_F(QueueTest, TheMostImportantComesFirstThenWhoWaitedLongest) {
  Put("a");
  Put("b", 100);
  Put("c");
  Put("d", 100);
  Put("e", -5);
  EXPECT_THAT(TakeAll(), ElementsAre("b", "d", "a", "c", "e"));
  EXPECT_EQ(queue_.Count(Place::kTaken), 5u);
}

TEST_F(QueueTest, WhoFailedBacksOffTwiceAsLongEachTime) {
  Put("a");
  for (const auto time : {20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10'000, 10'000}) {
    SCOPED_TRACE(time);
    ASSERT_THAT(TakeAll(), ElementsAre("a"));
    queue_.Failed("a", now_);
    EXPECT_EQ(PlaceOf("a"), Place::kBackoff);
    EXPECT_EQ(queue_.NextDue(), now_ + milliseconds(time));
    After(milliseconds(time - 1));
    EXPECT_THAT(TakeAll(), ElementsAre());
    After(milliseconds(1));
  }
}

TEST_F(QueueTest, WhoFitsNowhereWaitsForWhatMayHelp) {
  Put("a");
  Refuse("a", 4);
  After(seconds(30));
  EXPECT_THAT(TakeAll(), ElementsAre());
  queue_.Wake([](const Waiting& waiting) { return (waiting.why & 2) != 0; }, now_);
  EXPECT_EQ(PlaceOf("a"), Place::kUnschedulable);
  queue_.Wake([](const Waiting& waiting) { return (waiting.why & 4) != 0; }, now_);
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(QueueTest, WhoIsWokenEarlyStillBacksOff) {
  Put("a");
  Refuse("a");
  After(milliseconds(6));
  WakeAll();
  EXPECT_EQ(PlaceOf("a"), Place::kBackoff);
  EXPECT_EQ(queue_.NextDue(), now_ + milliseconds(14));
  After(milliseconds(14));
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(QueueTest, AfterFiveMinutesItIsTriedWhateverHappened) {
  Put("a");
  Refuse("a");
  EXPECT_EQ(queue_.NextDue(), now_ + minutes(5));
  After(minutes(5) - milliseconds(1));
  EXPECT_THAT(TakeAll(), ElementsAre());
  After(milliseconds(1));
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(QueueTest, WokenOnesKeepTheirOrder) {
  for (const char* const name : {"c", "a", "b"}) {
    Put(name);
    Refuse(name);
  }
  After(seconds(2));
  WakeAll();
  EXPECT_THAT(TakeAll(), ElementsAre("c", "a", "b"));
}

TEST_F(QueueTest, GatesKeepAPodOut) {
  queue_.Put(Pod("a", 0, true), now_);
  EXPECT_EQ(queue_.Count(Place::kGated), 1u);
  EXPECT_THAT(TakeAll(), ElementsAre());
  WakeAll();
  After(minutes(10));
  EXPECT_THAT(TakeAll(), ElementsAre());
  queue_.Put(Pod("a"), now_);
  EXPECT_EQ(queue_.Find("a")->came, now_);
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(QueueTest, ItsOwnChangeWakesAPodItsStatusDoesNot) {
  Put("a");
  Refuse("a");
  After(seconds(2));
  queue_.Put(Pod("a"), now_);
  EXPECT_EQ(PlaceOf("a"), Place::kUnschedulable);
  queue_.Put(Pod("a", 0, false, 2), now_);
  EXPECT_EQ(PlaceOf("a"), Place::kActive);
}

TEST_F(QueueTest, AChangedPriorityCountsWhereItWaits) {
  Put("a");
  Put("b");
  queue_.Put(Pod("b", 7, false, 2), now_);
  EXPECT_THAT(TakeAll(), ElementsAre("b", "a"));
}

TEST_F(QueueTest, WhatHappensWhileItIsHeldIsNotForgotten) {
  Put("a");
  Refuse("a", 1, true);
  After(seconds(5));
  WakeAll();
  EXPECT_EQ(PlaceOf("a"), Place::kUnschedulable);
  After(minutes(10));
  EXPECT_EQ(PlaceOf("a"), Place::kUnschedulable);
  queue_.Unhold("a", now_);
  EXPECT_THAT(TakeAll(), ElementsAre("a"));
}

TEST_F(QueueTest, AHeldPodThatNothingHappenedToGoesOnWaiting) {
  Put("a");
  Refuse("a", 1, true);
  queue_.Unhold("a", now_);
  EXPECT_EQ(PlaceOf("a"), Place::kUnschedulable);
  After(minutes(5));
  EXPECT_EQ(PlaceOf("a"), Place::kActive);
}

TEST_F(QueueTest, WhatIsGoneStaysGone) {
  Put("a");
  Put("b");
  Put("c");
  queue_.Remove("b");
  EXPECT_THAT(TakeAll(), ElementsAre("a", "c"));
  queue_.Remove("a");
  queue_.Failed("a", now_);
  queue_.Unschedulable("a", 1, now_, true);
  queue_.Unhold("a", now_);
  queue_.Bound("c");
  EXPECT_EQ(queue_.size(), 0u);
  EXPECT_EQ(queue_.NextDue(), std::nullopt);
}

}  // namespace
}  // namespace keelson::scheduler::queue
