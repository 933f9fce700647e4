// SPDX-License-Identifier: Apache-2.0
#include "lib/async/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace keelson::async {
namespace {

TEST(Executor, BlockedWorkDoesNotHoldUpOtherWork) {
  std::latch all(8);
  Executor executor(8);
  for (int i = 0; i < 8; ++i)
    executor.Post([&] { all.arrive_and_wait(); });  // ends only when all eight run at once
  all.wait();
}

TEST(Executor, RunsEverythingBeforeItEnds) {
  std::atomic<int> count{0};
  {
    Executor executor(3);
    for (int i = 0; i < 1000; ++i) executor.Post([&] { ++count; });
  }
  EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace keelson::async
