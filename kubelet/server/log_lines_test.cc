// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_lines.h"

#include <gtest/gtest.h>

#include "lib/base/rfc3339.h"

namespace keelson::server {
namespace {

std::string At(int second, const std::string& rest) {
  return "2026-01-02T03:04:0" + std::to_string(second) + ".5Z " + rest + "\n";
}

std::string Joined(const std::string& file, const LogOptions& options = {}) {
  LineJoiner joiner(options);
  std::string out;
  joiner.Feed(file, out);
  joiner.Finish(out);
  return out;
}

TEST(LogRecord, HasTimeStreamTagAndText) {
  const LogRecord record = ParseLogRecord("2026-01-02T03:04:05Z stderr P  two  spaces ").value();
  EXPECT_EQ(record.time, "2026-01-02T03:04:05Z");
  EXPECT_EQ(record.stream, "stderr");
  EXPECT_FALSE(record.whole);
  EXPECT_EQ(record.text, " two  spaces ");
  EXPECT_TRUE(ParseLogRecord("t stdout F:later").value().whole);
  EXPECT_EQ(ParseLogRecord("t stdout F").value().text, "");
  for (const char* bad : {"", "t", "t stdin F x", "t stdout", "plain text of something"})
    EXPECT_FALSE(ParseLogRecord(bad)) << bad;
}

TEST(LineJoiner, JoinsPartialLinesOfEachStreamOnItsOwn) {
  EXPECT_EQ(Joined(At(1, "stdout P ab") + At(2, "stderr F err") + At(3, "stdout P cd") +
                   At(4, "stdout F ef") + At(5, "stdout F ")),
            "err\nabcdef\n\n");
}

TEST(LineJoiner, LeavesOutWhatIsNoRecord) {
  EXPECT_EQ(Joined("garbage\n" + At(1, "stdout F a") + "\n"), "a\n");
}

TEST(LineJoiner, GivesTheSameWhereverTheBytesAreCut) {
  const std::string file =
      At(1, "stdout P ab") + At(2, "stderr F err") + At(3, "stdout F cd") + At(4, "stdout F last");
  for (size_t cut = 0; cut <= file.size(); ++cut) {
    LineJoiner joiner({});
    std::string out;
    joiner.Feed(std::string_view(file).substr(0, cut), out);
    joiner.Feed(std::string_view(file).substr(cut), out);
    EXPECT_EQ(out, "err\nabcd\nlast\n") << cut;
  }
}

TEST(LineJoiner, EndsWithoutANewlineWhereTheWriterDid) {
  EXPECT_EQ(Joined(At(1, "stdout F a") + At(2, "stdout P prompt> ")), "a\nprompt> ");
}

TEST(LineJoiner, FiltersByStreamAndTime) {
  const std::string file = At(1, "stdout F a") + At(2, "stderr F b") + At(3, "stdout F c");
  EXPECT_EQ(Joined(file, {.stream = "stderr"}), "b\n");
  EXPECT_EQ(Joined(file, {.since = base::ParseRfc3339("2026-01-02T03:04:02.5Z")}), "b\nc\n");
}

TEST(LineJoiner, ALineBegunBeforeTheTimeIsLeftOutWhole) {
  EXPECT_EQ(Joined(At(1, "stdout P a") + At(3, "stdout F b") + At(4, "stdout F c"),
                   {.since = base::ParseRfc3339("2026-01-02T03:04:02Z")}),
            "c\n");
}

TEST(LineJoiner, PutsOneTimeBeforeAJoinedLine) {
  EXPECT_EQ(Joined(At(1, "stdout P a") + At(2, "stdout F b"), {.timestamps = true}),
            "2026-01-02T03:04:01.5Z ab\n");
}

TEST(LineJoiner, StopsAtTheByteLimit) {
  LineJoiner joiner({.limit_bytes = 5});
  std::string out;
  joiner.Feed(At(1, "stdout F abc") + At(2, "stdout F def"), out);
  EXPECT_EQ(out, "abc\nd");
  EXPECT_TRUE(joiner.full());
}

TEST(LineJoiner, DoesNotHoldALineWithoutEnd) {
  LineJoiner joiner({});
  std::string out;
  const std::string piece(16 << 10, 'x');
  for (int i = 0; i < 40; ++i) joiner.Feed(At(1, "stdout P " + piece), out);
  EXPECT_GT(out.size(), LineJoiner::kMaxPendingBytes);
}

TEST(LineJoiner, GivesRecordsOfAnyLengthWhole) {
  std::string text;
  for (int i = 0; text.size() < 3 * LineJoiner::kMaxRecordBytes; ++i) text += std::to_string(i);
  const std::string file = At(1, "stdout P a") + At(2, "stderr F err") + At(3, "stdout F " + text) +
                           At(4, "stdout P " + text) + At(5, "stdout F b") + "x" + text + "\n" +
                           At(6, "stderr F last");
  for (const size_t step : {size_t{4096}, LineJoiner::kMaxRecordBytes + 1, file.size()}) {
    SCOPED_TRACE(step);
    const auto fed = [&](const LogOptions& options) {
      LineJoiner joiner(options);
      std::string out;
      for (size_t at = 0; at < file.size(); at += step)
        joiner.Feed(std::string_view(file).substr(at, step), out);
      return out;
    };
    EXPECT_TRUE(fed({}) == "err\na" + text + "\n" + text + "b\nlast\n");
    EXPECT_EQ(fed({.stream = "stderr"}), "err\nlast\n");
    EXPECT_EQ(fed({.since = base::ParseRfc3339("2026-01-02T03:04:06Z")}), "last\n");
    EXPECT_EQ(fed({.limit_bytes = 3, .stream = "stdout"}), "a01");
  }
}

TEST(LineJoiner, ALongRecordWithoutItsNewlineEndsWithItsFile) {
  const std::string text(LineJoiner::kMaxRecordBytes + 10, 'x');
  const std::string record = At(1, "stdout F " + text);
  LineJoiner joiner({});
  std::string out;
  joiner.Feed(record.substr(0, record.size() - 1), out);
  joiner.EndFile(out);
  joiner.Feed(At(2, "stdout F next"), out);
  EXPECT_TRUE(out == text + "\nnext\n");
}

class TailTest : public testing::Test {
 protected:
  static std::string Tail(const std::string& file, int64_t lines, const std::string& stream = "") {
    const ReadAt read = [&file](int64_t offset, size_t size, std::string& buffer) {
      buffer = file.substr(static_cast<size_t>(offset), size);
      return buffer.size() == size;
    };
    const int64_t begin = FindTail(read, static_cast<int64_t>(file.size()), lines, stream);
    return Joined(file.substr(static_cast<size_t>(begin)), {.stream = stream});
  }
};

TEST_F(TailTest, CountsLinesNotRecords) {
  const std::string file = At(1, "stdout F a") + At(2, "stdout P b1") + At(3, "stdout P b2") +
                           At(4, "stdout F b3") + At(5, "stdout F c");
  EXPECT_EQ(Tail(file, 0), "");
  EXPECT_EQ(Tail(file, 1), "c\n");
  EXPECT_EQ(Tail(file, 2), "b1b2b3\nc\n");
  EXPECT_EQ(Tail(file, 3), "a\nb1b2b3\nc\n");
  EXPECT_EQ(Tail(file, 100), "a\nb1b2b3\nc\n");
}

TEST_F(TailTest, LooksBackOverRecordsOfAnyLength) {
  const std::string text(2 * LineJoiner::kMaxRecordBytes, 'x');
  const std::string file =
      At(1, "stdout F a") + At(2, "stderr F b") + At(3, "stdout F " + text) + At(4, "stdout F c");
  EXPECT_EQ(Tail(file, 1), "c\n");
  EXPECT_TRUE(Tail(file, 2) == text + "\nc\n");
  EXPECT_TRUE(Tail(file, 3) == "b\n" + text + "\nc\n");
  EXPECT_TRUE(Tail(file, 3, "stdout") == "a\n" + text + "\nc\n");
}

TEST_F(TailTest, CountsALineWithoutEnd) {
  const std::string file =
      At(1, "stdout F a") + At(2, "stdout F b") + At(3, "stdout P c1") + At(4, "stdout P c2");
  EXPECT_EQ(Tail(file, 1), "c1c2");
  EXPECT_EQ(Tail(file, 2), "b\nc1c2");
}

TEST_F(TailTest, CountsOneStreamAlone) {
  const std::string file =
      At(1, "stderr F e1") + At(2, "stderr F e2") + At(3, "stdout F a") + At(4, "stdout F b");
  EXPECT_EQ(Tail(file, 1, "stderr"), "e2\n");
  EXPECT_EQ(Tail(file, 2, "stderr"), "e1\ne2\n");
}

TEST_F(TailTest, LooksBackOverManyBlocks) {
  std::string file;
  for (int i = 0; i < 20000; ++i)
    file += At(1, "stdout F line " + std::to_string(i) + " " +
                      std::string(static_cast<size_t>(i % 97), 'x'));
  std::string expected;
  for (int i = 5000; i < 20000; ++i)
    expected +=
        "line " + std::to_string(i) + " " + std::string(static_cast<size_t>(i % 97), 'x') + "\n";
  EXPECT_EQ(Tail(file, 15000), expected);
  EXPECT_EQ(Tail("", 3), "");
}

}  // namespace
}  // namespace keelson::server
