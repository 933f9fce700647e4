// SPDX-License-Identifier: Apache-2.0
#include "lib/base/rfc3339.h"

#include <gtest/gtest.h>

namespace keelson::base {
namespace {

TEST(Rfc3339, ReadsWhatKubernetesWrites) {
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseRfc3339("2026-01-02T03:04:05Z"), 1767323045'000000000);
  EXPECT_EQ(ParseRfc3339("2026-01-02T03:04:05.000000006Z"), 1767323045'000000006);
  EXPECT_EQ(ParseRfc3339("2026-01-02T03:04:05.5Z"), 1767323045'500000000);
  EXPECT_EQ(ParseRfc3339("2026-01-02T05:04:05+02:00"), 1767323045'000000000);
  EXPECT_EQ(ParseRfc3339("2026-01-01T22:34:05-04:30"), 1767323045'000000000);
  EXPECT_EQ(ParseRfc3339("2016-12-31T23:59:60Z"), ParseRfc3339("2017-01-01T00:00:00Z"));
  EXPECT_TRUE(ParseRfc3339("2024-02-29T00:00:00Z").has_value());
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const char* bad :
       {"", "2026", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-02-30T03:04:00Z",
        "2025-02-29T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.1234567890Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+2",
        "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "-026-01-02T03:04:05Z"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(ParseRfc3339(bad), std::nullopt);
  }
}

TEST(Rfc3339, IsWrittenWithAsManyDigitsAsAreAskedFor) {
  const int64_t time = 1767323045'012'345'678;
  EXPECT_EQ(FormatRfc3339(time), "2026-01-02T03:04:05Z");
  EXPECT_EQ(FormatRfc3339(time, 6), "2026-01-02T03:04:05.012345Z");
  EXPECT_EQ(FormatRfc3339(time, 9), "2026-01-02T03:04:05.012345678Z");
  EXPECT_EQ(ParseRfc3339(FormatRfc3339(time, 9)), time);
}

}  // namespace
}  // namespace keelson::base
