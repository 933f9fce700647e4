// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/journal.h"

#include <gmock/gmock.h>

namespace keelson::lifecycle {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = int64_t{1'767'323'045} * kSecond;  // 2026-01-02T03:04:05Z

TEST(Journal, CountsWhatIsToldAgain) {
  Journal journal;
  EXPECT_TRUE(journal.Add(kNow, false, "Pulling", "Pulling image \"a\""));
  EXPECT_TRUE(journal.Add(kNow + kSecond, true, "Failed", "no such image"));
  EXPECT_FALSE(journal.Add(kNow + 10 * kSecond, false, "Pulling", "Pulling image \"a\""));
  EXPECT_THAT(journal.Lines(),
              testing::ElementsAre("2026-01-02T03:04:06Z Warning Failed: no such image",
                                   "2026-01-02T03:04:15Z Normal  Pulling: Pulling image \"a\" (2 "
                                   "times since 2026-01-02T03:04:05Z)"));
}

TEST(Journal, TellsTheSameWordsOfAnotherKindApart) {
  Journal journal;
  EXPECT_TRUE(journal.Add(kNow, false, "A", "x"));
  EXPECT_TRUE(journal.Add(kNow, true, "A", "x"));
  EXPECT_TRUE(journal.Add(kNow, false, "B", "x"));
  EXPECT_EQ(journal.Lines().size(), 3u);
}

TEST(Journal, ForgetsTheOldest) {
  Journal journal;
  for (int i = 0; i < 100; ++i) journal.Add(kNow + i * kSecond, false, "Tick", std::to_string(i));
  EXPECT_EQ(journal.Lines().size(), 60u);
  EXPECT_THAT(journal.Lines().front(), testing::EndsWith("Tick: 40"));
}

}  // namespace
}  // namespace keelson::lifecycle
