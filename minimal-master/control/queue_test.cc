// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/queue.h"

#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"

namespace keelson::control {
namespace {

using std::chrono::milliseconds;

TEST(Queues, AKeyWaitsInOnePlace) {
  Queue queue;
  queue.Add("a");
  queue.Add("a");
  queue.Add("b");
  EXPECT_EQ(queue.waiting(), 2u);
  EXPECT_EQ(queue.Take(), "a");
  queue.Add("a");
  EXPECT_EQ(queue.waiting(), 1u) << "it is worked on";
  EXPECT_EQ(queue.Take(), "b");
  EXPECT_EQ(queue.Take(), std::nullopt);
  queue.Done("a", Outcome::Done(), {});
  EXPECT_EQ(queue.Take(), "a") << "what was added meanwhile is looked at once more";
  queue.Done("a", Outcome::Done(), {});
  queue.Done("b", Outcome::Done(), {});
  EXPECT_EQ(queue.waiting() + queue.delayed() + queue.working(), 0u);
}

TEST(Queues, AFailureWaitsTwiceAsLongEachTimeUntilItSucceeds) {
  Queue queue;
  base::ManualClock clock;
  queue.Add("a");
  for (const int wait : {5, 10, 20, 40}) {
    EXPECT_EQ(queue.Take(), "a");
    queue.Done("a", Outcome::Failed("no"), clock.Steady());
    EXPECT_EQ(queue.last_error(), "no");
    clock.Advance(milliseconds(wait - 1));
    queue.Release(clock.Steady());
    EXPECT_EQ(queue.Take(), std::nullopt);
    clock.Advance(milliseconds(1));
    queue.Release(clock.Steady());
  }
  EXPECT_EQ(queue.Take(), "a");
  queue.Done("a", Outcome::Done(), clock.Steady());
  EXPECT_EQ(queue.last_error(), "");
  queue.Add("a");
  EXPECT_EQ(queue.Take(), "a");
  queue.Done("a", Outcome::Failed("no"), clock.Steady());
  EXPECT_EQ(*queue.NextDue(), clock.Steady() + milliseconds(5));
}

TEST(Queues, NoFailureWaitsForever) {
  Queue queue;
  for (int i = 0; i < 100; ++i) {
    queue.Add("a");
    EXPECT_EQ(queue.Take(), "a");
    queue.Done("a", Outcome::Failed("no"), {});
  }
  EXPECT_EQ(*queue.NextDue(), base::SteadyTime() + std::chrono::seconds(1000));
}

TEST(Queues, WhatIsAddedDoesNotWaitForItsTime) {
  Queue queue;
  queue.Add("a");
  EXPECT_EQ(queue.Take(), "a");
  queue.Done("a", Outcome::After(milliseconds(1000)), {});
  EXPECT_EQ(queue.delayed(), 1u);
  queue.Add("a");
  EXPECT_EQ(queue.delayed(), 0u);
  EXPECT_EQ(queue.Take(), "a");
}

}  // namespace
}  // namespace keelson::control
