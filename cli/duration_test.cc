// SPDX-License-Identifier: Apache-2.0
#include "cli/duration.h"

#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

TEST(Duration, IsWrittenAsKubectlWritesIt) {
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86400, kYear = 365 * kDay;
  const std::pair<int64_t, const char*> cases[] = {{-2, "<invalid>"},
                                                   {-1, "0s"},
                                                   {0, "0s"},
                                                   {1, "1s"},
                                                   {119, "119s"},
                                                   {120, "2m"},
                                                   {125, "2m5s"},
                                                   {599, "9m59s"},
                                                   {600, "10m"},
                                                   {2 * kHour, "120m"},
                                                   {3 * kHour, "3h"},
                                                   {3 * kHour + 5 * kMinute, "3h5m"},
                                                   {8 * kHour + 5 * kMinute, "8h"},
                                                   {47 * kHour, "47h"},
                                                   {2 * kDay, "2d"},
                                                   {2 * kDay + 3 * kHour, "2d3h"},
                                                   {8 * kDay + 3 * kHour, "8d"},
                                                   {700 * kDay, "700d"},
                                                   {2 * kYear, "2y"},
                                                   {2 * kYear + kDay, "2y1d"},
                                                   {9 * kYear + kDay, "9y"}};
  for (const auto& [seconds, text] : cases)
    EXPECT_EQ(FormatSpan(seconds * kSecond), text) << seconds;
}

TEST(Duration, SinceAPointInTime) {
  EXPECT_EQ(FormatSince("1970-01-01T00:00:10Z", 70 * kSecond), "60s");
  EXPECT_EQ(FormatSince("", 0), "<unknown>");
  EXPECT_EQ(FormatSince("yesterday", 0), "<unknown>");
}

TEST(Duration, IsReadAsPeopleGiveIt) {
  const std::pair<const char*, int64_t> cases[] = {{"90", 90},      {"90s", 90},    {"5m", 300},
                                                   {"1h30m", 5400}, {"1.5h", 5400}, {"2d", 172800},
                                                   {"0.1s", 1},     {"0s", 0}};
  for (const auto& [text, seconds] : cases)
    EXPECT_EQ(ParseSpanSeconds(text).value(), seconds) << text;
  for (const char* text :
       {"", "m", "-5m", "5x", "5m3", "1h 3m", "five", "999999999d", "inf", "nan", "1e9s"})
    EXPECT_FALSE(ParseSpanSeconds(text).ok()) << text;
}

}  // namespace
}  // namespace keelson::cli
