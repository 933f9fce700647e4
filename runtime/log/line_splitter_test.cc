// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/line_splitter.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson::log {
namespace {

std::string Split(const std::vector<std::string>& pieces) {
  LineSplitter splitter("stdout");
  std::string out;
  const auto emit = [&](const std::string& entry) { out += entry.substr(31); };
  for (const std::string& piece : pieces) splitter.Feed(piece, 0, emit);
  splitter.Finish(0, emit);
  return out;
}

TEST(LineSplitter, WritesTheFormatThatKubeletsRead) {
  LineSplitter splitter("stderr");
  std::string out;
  splitter.Feed("hello\n", 1767323045000000006, [&](const std::string& entry) { out += entry; });
  EXPECT_EQ(out, "2026-01-02T03:04:05.000000006Z stderr F hello\n");
}

TEST(LineSplitter, LinesAreWholeWhereverTheReadsWereCut) {
  EXPECT_EQ(Split({"a\nb", "c\n", "\n", "d"}), "stdout F a\nstdout F bc\nstdout F \nstdout P d\n");
  EXPECT_EQ(Split({}), "");
}

TEST(LineSplitter, LongLinesAreCutAndMarked) {
  const std::string full(kMaxLineBytes, 'x');
  EXPECT_EQ(Split({full + "\n"}), "stdout F " + full + "\n");
  EXPECT_EQ(Split({full + "y\n"}), "stdout P " + full + "\nstdout F y\n");
  EXPECT_EQ(Split({full, "y\n"}), "stdout P " + full + "\nstdout F y\n");
}

TEST(LineSplitter, KeepsEveryByte) {
  const std::string binary("\0\xff\r\x1b[0m", 7);
  EXPECT_EQ(Split({binary + "\n"}), "stdout F " + binary + "\n");
}

}  // namespace
}  // namespace keelson::log
