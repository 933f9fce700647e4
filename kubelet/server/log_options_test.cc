// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_options.h"

#include <gtest/gtest.h>

namespace keelson::server {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'000'000 * kSecond;

TEST(LogOptions, AreAllReadFromTheQuery) {
  const LogOptions options = ParseLogOptions({{"follow", "true"},
                                              {"previous", "1"},
                                              {"timestamps", ""},
                                              {"tailLines", "7"},
                                              {"limitBytes", "8"},
                                              {"sinceSeconds", "9"},
                                              {"stream", "Stderr"},
                                              {"other", "x"}},
                                             kNow)
                                 .value();
  EXPECT_TRUE(options.follow && options.previous && options.timestamps);
  EXPECT_EQ(options.tail_lines, 7);
  EXPECT_EQ(options.limit_bytes, 8);
  EXPECT_EQ(options.since, kNow - 9 * kSecond);
  EXPECT_EQ(options.stream, "stderr");
}

TEST(LogOptions, AreEmptyByDefault) {
  const LogOptions options =
      ParseLogOptions(
          {{"follow", "False"}, {"previous", "0"}, {"tailLines", ""}, {"stream", "All"}}, kNow)
          .value();
  EXPECT_FALSE(options.follow || options.previous || options.timestamps);
  EXPECT_FALSE(options.tail_lines || options.limit_bytes || options.since);
  EXPECT_EQ(options.stream, "");
}

TEST(LogOptions, KnowTheOldNameOfTail) {
  EXPECT_EQ(ParseLogOptions({{"tail", "3"}}, kNow)->tail_lines, 3);
  EXPECT_EQ(ParseLogOptions({{"tail", "all"}, {"tailLines", "5"}}, kNow)->tail_lines, std::nullopt);
}

TEST(LogOptions, TakeTimesAndSpansLongerThanTheEpoch) {
  EXPECT_EQ(ParseLogOptions({{"sinceTime", "1970-01-01T00:00:01Z"}}, kNow)->since, kSecond);
  EXPECT_EQ(ParseLogOptions({{"sinceSeconds", "9223372036854775807"}}, kNow)->since, 0);
}

TEST(LogOptions, RefuseWhatCannotBeReadAndWhatIsNotAllowed) {
  using Query = std::map<std::string, std::string>;
  for (const Query& bad : {Query{{"tailLines", "x"}},
                           {{"limitBytes", "1k"}},
                           {{"sinceTime", "yesterday"}},
                           {{"sinceSeconds", "1.5"}}}) {
    EXPECT_EQ(ParseLogOptions(bad, kNow).error().code(), base::Code::kInvalidArgument)
        << bad.begin()->first;
  }
  for (const Query& bad : {Query{{"tailLines", "-1"}},
                           {{"limitBytes", "0"}},
                           {{"sinceSeconds", "0"}},
                           {{"stream", "stdin"}},
                           {{"sinceSeconds", "1"}, {"sinceTime", "1970-01-01T00:00:01Z"}}}) {
    EXPECT_EQ(ParseLogOptions(bad, kNow).error().code(), base::Code::kOutOfRange)
        << bad.begin()->first;
  }
  EXPECT_EQ(ParseLogOptions({{"tailLines", "-1"}}, kNow).error().message(),
            "tailLines is -1; it must be at least 0");
}

}  // namespace
}  // namespace keelson::server
