// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "runtime/stats/collector.h"
#include "runtime/stats/processes.h"

namespace keelson::stats {
namespace {

using std::chrono::milliseconds;

TEST(Rate, NeedsTwoReadings) {
  Rate rate;
  rate.Add(1'000'000'000, 500, milliseconds(900));
  EXPECT_FALSE(rate.per_second());
  rate.Add(3'000'000'000, 500 + 1'000'000'000, milliseconds(900));
  EXPECT_EQ(rate.per_second(), 500'000'000u);
}

TEST(Rate, UsesTheReadingsOwnTimesAndNotHowOftenItIsAsked) {
  Rate rate;
  rate.Add(1'000'000'000, 0, milliseconds(900));
  rate.Add(1'100'000'000, 99'000'000, milliseconds(900));  // too near: says nothing
  EXPECT_FALSE(rate.per_second());
  rate.Add(2'000'000'000, 250'000'000, milliseconds(900));
  EXPECT_EQ(rate.per_second(), 250'000'000u);
  rate.Add(2'500'000'000, 900'000'000, milliseconds(900));
  EXPECT_EQ(rate.per_second(), 250'000'000u) << "the last good one stays";
}

TEST(Rate, ACounterThatFellBeginsAnew) {
  Rate rate;
  rate.Add(1'000'000'000, 100, milliseconds(1));
  rate.Add(2'000'000'000, 200, milliseconds(1));
  rate.Add(3'000'000'000, 50, milliseconds(1));
  EXPECT_FALSE(rate.per_second());
  rate.Add(4'000'000'000, 60, milliseconds(1));
  EXPECT_EQ(rate.per_second(), 10u);
}

TEST(OpenFilesLimit, IsTheSoftOneOrNone) {
  constexpr std::string_view kHead =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max processes             95969                95969                processes \n";
  EXPECT_EQ(ParseOpenFilesLimit(std::string(kHead) +
                                "Max open files            1024                 524288            "
                                "   files     \n"),
            1024u);
  EXPECT_FALSE(ParseOpenFilesLimit(
      "Max open files            unlimited            unlimited            files     \n"));
  EXPECT_FALSE(ParseOpenFilesLimit(kHead));
  EXPECT_FALSE(ParseOpenFilesLimit(""));
}

}  // namespace
}  // namespace keelson::stats
