// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/scalars.h"

#include <gtest/gtest.h>

#include <string>

namespace keelson::schema {
namespace {

std::string Text(const base::Result<std::string>& result) {
  return result.ok() ? *result : "refused: " + result.error().message();
}

TEST(CanonicalTime, IsUtcInWholeSecondsOrMicroseconds) {
  EXPECT_EQ(Text(CanonicalTime("2020-02-29T23:59:59-02:30", false)), "2020-03-01T02:29:59Z");
  EXPECT_EQ(Text(CanonicalTime("2020-01-01T00:00:00.999999999Z", false)), "2020-01-01T00:00:00Z");
  EXPECT_EQ(Text(CanonicalTime("2020-01-01T00:00:00.000001+01:00", true)),
            "2019-12-31T23:00:00.000001Z");
  EXPECT_EQ(Text(CanonicalTime("0001-01-01T00:00:00Z", false)), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Text(CanonicalTime("9999-12-31T23:59:59Z", false)), "9999-12-31T23:59:59Z");
}

TEST(CanonicalTime, RefusesInGosWords) {
  const std::string as = R"( as "2006-01-02T15:04:05Z07:00": cannot parse )";
  const struct {
    std::string_view text;
    std::string error;
  } cases[] = {
      {"", R"(parsing time "")" + as + R"("" as "2006")"},
      {"2020-1-01T00:00:00Z",
       R"(parsing time "2020-1-01T00:00:00Z")" + as + R"("1-01T00:00:00Z" as "01")"},
      {"2020-01-01 00:00:00Z",
       R"(parsing time "2020-01-01 00:00:00Z")" + as + R"(" 00:00:00Z" as "T")"},
      {"2020-01-01T00:00:00", R"(parsing time "2020-01-01T00:00:00")" + as + R"("" as "Z07:00")"},
      {"2020-13-01T00:00:00Z", R"(parsing time "2020-13-01T00:00:00Z": month out of range)"},
      {"2019-02-29T00:00:00Z", R"(parsing time "2019-02-29T00:00:00Z": day out of range)"},
      {"2020-01-01T24:00:00Z", R"(parsing time "2020-01-01T24:00:00Z": hour out of range)"},
      {"2020-01-01T00:00:00Zx", R"(parsing time "2020-01-01T00:00:00Zx": extra text: "x")"},
  };
  for (const auto& c : cases) EXPECT_EQ(Text(CanonicalTime(c.text, false)), "refused: " + c.error);
  EXPECT_EQ(
      Text(CanonicalTime("2020-01-01T00:00:00Z", true)),
      R"(refused: parsing time "2020-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": )"
      R"(cannot parse "Z" as ".000000")");
}

TEST(FormatTime, GoesThereAndBackAgain) {
  for (const int64_t seconds : {int64_t{0}, int64_t{-1}, int64_t{1767323045}, int64_t{253402300799},
                                int64_t{-62135596800}}) {
    int64_t again = 0;
    int32_t nanos = 0;
    SplitTime(FormatTime(seconds, 123456000, true), again, nanos);
    EXPECT_EQ(again, seconds);
    EXPECT_EQ(nanos, 123456000);
  }
  EXPECT_EQ(FormatTime(INT64_MAX, 0, false), "");
  EXPECT_EQ(FormatTime(INT64_MIN, 0, false), "");
  EXPECT_EQ(FormatTime(0, -1, false), "");
}

TEST(CanonicalDuration, IsWrittenAsGoDoes) {
  const struct {
    std::string_view text;
    std::string_view canonical;
  } cases[] = {
      {"90s", "1m30s"},   {"0", "0s"},         {"1h", "1h0m0s"}, {"1.5h", "1h30m0s"},
      {"100ms", "100ms"}, {"1500us", "1.5ms"}, {"-5s", "-5s"},   {"1h15m30.918s", "1h15m30.918s"},
      {"1ns", "1ns"}};
  for (const auto& c : cases) EXPECT_EQ(Text(CanonicalDuration(c.text)), c.canonical);
  EXPECT_EQ(Text(CanonicalDuration("")), R"(refused: time: invalid duration "")");
  EXPECT_EQ(Text(CanonicalDuration("3")), R"(refused: time: missing unit in duration "3")");
  EXPECT_EQ(Text(CanonicalDuration("3d")), R"(refused: time: unknown unit "d" in duration "3d")");
}

TEST(CanonicalQuantity, IsWhatUpstreamStores) {
  const struct {
    std::string_view text;
    std::string_view canonical;
  } cases[] = {{"1000m", "1"},
               {"1500m", "1500m"},
               {"0.5", "500m"},
               {"1.5Gi", "1536Mi"},
               {"1024Ki", "1Mi"},
               {"1e3", "1e3"},
               {"0", "0"},
               {"10", "10"},
               {"1000", "1k"},
               {"1000k", "1M"},
               {"007", "7"},
               {"+5", "5"},
               {"-1", "-1"},
               {"100.0", "100"},
               {" 5 ", "5"},
               {"12E", "9223372036854775807"},
               {"-16Ei", "-9223372036854775807"},
               {"9E", "9E"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(Text(CanonicalQuantity(c.text)), c.canonical);
  }
  for (const std::string_view bad : {"", "x", "1Gix", "1 Gi", "true", "{}", "."}) {
    EXPECT_EQ(Text(CanonicalQuantity(bad)),
              "refused: quantities must match the regular expression "
              "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
}

TEST(CanonicalBase64, NamesThePlaceThatIsWrong) {
  EXPECT_EQ(Text(CanonicalBase64("aGVs\nbG8=\r\n")), "aGVsbG8=");
  EXPECT_EQ(Text(CanonicalBase64("")), "");
  const struct {
    std::string_view text;
    int at;
  } cases[] = {{"!!", 0},    {"Bad Value!", 3}, {"AAE=x", 4}, {"AAA", 0},
               {"AAAAA", 4}, {"A===", 1},       {"AA=x", 3}};
  for (const auto& c : cases) {
    EXPECT_EQ(Text(CanonicalBase64(c.text)),
              "refused: illegal base64 data at input byte " + std::to_string(c.at));
  }
}

}  // namespace
}  // namespace keelson::schema
