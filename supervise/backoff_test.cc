// SPDX-License-Identifier: Apache-2.0
#include "supervise/backoff.h"

#include <gtest/gtest.h>

namespace keelson::supervise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, TheFirstEndIsHealedAtOnceAndEachFurtherOneLater) {
  Backoff backoff;
  const base::SteadyTime start{seconds(1000)};
  std::vector<int64_t> waits;
  for (int i = 0; i < 10; ++i) waits.push_back(backoff.AfterEnd(start, start + seconds(1)).count());
  EXPECT_EQ(waits, (std::vector<int64_t>{0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000}));
}

TEST(Backoff, WhoeverRanForAMinuteBeginsAnew) {
  Backoff backoff;
  const base::SteadyTime start{seconds(1000)};
  for (int i = 0; i < 5; ++i) (void)backoff.AfterEnd(start, start);
  EXPECT_EQ(backoff.AfterEnd(start, start + seconds(59)), milliseconds(1600));
  EXPECT_EQ(backoff.AfterEnd(start, start + seconds(60)), milliseconds(0));
  EXPECT_EQ(backoff.AfterEnd(start, start), milliseconds(100));
}

}  // namespace
}  // namespace keelson::supervise
