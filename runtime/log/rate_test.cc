// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/rate.h"

#include <gtest/gtest.h>

namespace keelson::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

base::SteadyTime At(int64_t ms) { return base::SteadyTime(milliseconds(1'000'000 + ms)); }

TEST(Rate, WithoutALimitEverythingPasses) {
  Rate rate;
  EXPECT_TRUE(rate.Take(uint64_t{1} << 60, At(0)));
  rate.Owe(uint64_t{1} << 60, At(0));
  EXPECT_EQ(rate.Wait(At(0)), nanoseconds(0));
}

TEST(Rate, ASecondsWorthMayComeAtOnceAndThenTheRateCounts) {
  Rate rate(1000);
  EXPECT_TRUE(rate.Take(600, At(0)));
  EXPECT_TRUE(rate.Take(400, At(0)));
  EXPECT_FALSE(rate.Take(1, At(0)));
  EXPECT_FALSE(rate.Take(101, At(100)));
  EXPECT_TRUE(rate.Take(100, At(100)));
  // A long silence is worth no more than a second.
  EXPECT_TRUE(rate.Take(1000, At(60'000)));
  EXPECT_FALSE(rate.Take(1, At(60'000)));
}

TEST(Rate, OneThatIsLongerThanASecondsWorthPassesAfterAFullSecond) {
  Rate rate(1000);
  EXPECT_TRUE(rate.Take(3000, At(0)));
  EXPECT_FALSE(rate.Take(1, At(1999)));
  EXPECT_TRUE(rate.Take(1, At(2002)));
}

TEST(Rate, WhatIsOwedIsWaitedFor) {
  Rate rate(1000);
  rate.Owe(1500, At(0));
  EXPECT_EQ(rate.Wait(At(0)), milliseconds(500) + nanoseconds(1));
  EXPECT_EQ(rate.Wait(At(400)).count() / 1000, milliseconds(100).count() * 1000);
  EXPECT_EQ(rate.Wait(At(501)), nanoseconds(0));
  // A clock that goes back gives nothing.
  rate.Owe(2000, At(501));
  EXPECT_GT(rate.Wait(At(100)), milliseconds(1000));
}

}  // namespace
}  // namespace keelson::log
