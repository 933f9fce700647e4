// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::stats {
namespace {

constexpr std::string_view kHead =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

TEST(Links, AreReadAsThePodSeesThem) {
  const std::string text = std::string(kHead) +
                           "    lo:    1200      10    0    0    0     0          0         0     "
                           "1200      10    0    0  "
                           "  0     0       0          0\n"
                           "  eth0: 18446744073709551615 9821 1 2    0     0          0         0  "
                           " 554422    7001    3  "
                           "  4    0     0       0          0\n"
                           "net1:5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0\n";
  EXPECT_THAT(ParseLinks(text), testing::ElementsAre(Link{"eth0", 18446744073709551615u, 9821, 1, 2,
                                                          554422, 7001, 3, 4},
                                                     Link{"net1", 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(Links, HalfALineAndNonsenseAreNone) {
  EXPECT_TRUE(ParseLinks("").empty());
  EXPECT_TRUE(ParseLinks(kHead).empty());
  EXPECT_TRUE(ParseLinks("eth0: 1 2 3\n:1 2 3 4 5 6 7 8 9 10 11 12\n").empty());
  EXPECT_TRUE(ParseLinks("eth0: 1 2 3 x 5 6 7 8 9 10 11 12\n").empty());
}

TEST(Links, ManyAreBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "e" + std::to_string(i) + ": 1 2 3 4 5 6 7 8 9 10 11 12\n";
  EXPECT_EQ(ParseLinks(text).size(), 64u);
}

}  // namespace
}  // namespace keelson::stats
