// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/facts.h"

#include <gtest/gtest.h>

namespace keelson::pod {
namespace {

TEST(CrashBackoff, DoublesFromTenSecondsToFiveMinutes) {
  Backoff backoff;
  int64_t now = 1'000'000 * kSecond;
  EXPECT_EQ(RestartAt(backoff, now - kSecond, now), now);  // the first time at once
  for (const int64_t seconds : {10, 20, 40, 80, 160, 300, 300, 300}) {
    backoff = Next(backoff, now - kSecond, now);
    EXPECT_EQ(backoff.delay, seconds * kSecond);
    EXPECT_EQ(backoff.updated_at, now);
    const int64_t ended = now + kSecond;
    EXPECT_EQ(RestartAt(backoff, ended, ended), ended + seconds * kSecond);
    now = ended + seconds * kSecond;
    EXPECT_LE(RestartAt(backoff, ended, now), now);
  }
}

TEST(CrashBackoff, IsForgottenAfterALongRun) {
  const int64_t now = 1'000'000 * kSecond;
  const Backoff backoff{300 * kSecond, now};
  const auto after = [&](int64_t seconds) { return Next(backoff, now + seconds * kSecond, now + (seconds + 300) * kSecond).delay / kSecond; };
  EXPECT_EQ(after(600), 300);
  EXPECT_EQ(after(601), 10);
}

TEST(CrashBackoff, DoesNotHoldUpWhatEndedLongAgo) {
  const int64_t now = 1'000'000 * kSecond;
  const Backoff backoff{300 * kSecond, now - 1000 * kSecond};
  EXPECT_EQ(RestartAt(backoff, now - 299 * kSecond, now), now + kSecond);
  EXPECT_LE(RestartAt(backoff, now - 301 * kSecond, now), now);
  EXPECT_EQ(RestartAt(backoff, now - 601 * kSecond, now), now);
}

TEST(RestartPolicy, DecidesByExitCode) {
  EXPECT_TRUE(RunsAgain("Always", 0));
  EXPECT_TRUE(RunsAgain("Always", 1));
  EXPECT_FALSE(RunsAgain("OnFailure", 0));
  EXPECT_TRUE(RunsAgain("OnFailure", 137));
  EXPECT_FALSE(RunsAgain("Never", 1));
}

}  // namespace
}  // namespace keelson::pod
