// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

TEST(Table, LinesUpColumnsAndLeavesNoBlanksAtTheEnd) {
  Table table({"NAME", "AGE", "IP"});
  table.Add({"a-long-name", "5s", ""});
  table.Add({"né", "10m", "10.42.0.2"});
  EXPECT_EQ(table.Text(),
            "NAME          AGE   IP\n"
            "a-long-name   5s\n"
            "né            10m   10.42.0.2\n");
}

TEST(Table, LetsNothingButTextReachTheTerminal) {
  EXPECT_EQ(Printable("a\033[31mb\nc\x7f"), "a [31mb c ");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m é"),
            "  31m é");
  Table table({"MESSAGE"});
  table.Add({"one\r\ntwo"});
  EXPECT_EQ(table.Text(), "MESSAGE\none  two\n");
}

TEST(Table, ShortensByCharactersNotBytes) {
  EXPECT_EQ(Shorten("éééé", 4), "éééé");
  EXPECT_EQ(Shorten("ééééé", 4), "ééé…");
  EXPECT_EQ(Shorten("a\nb", 9), "a b");
}

}  // namespace
}  // namespace keelson::cli
