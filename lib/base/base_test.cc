// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/percent.h"
#include "lib/base/result.h"
#include "lib/base/strings.h"

namespace keelson::base {
namespace {

TEST(Error, FromErrnoNamesTheCallAndTheCause) {
  const Error error = Error::FromErrno(ENOENT, "open '{}'", "/x");
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_EQ(error.os_errno(), ENOENT);
  EXPECT_EQ(error.message(), "open '/x': No such file or directory");
  EXPECT_EQ(error.WithContext("start pod").message(),
            "start pod: open '/x': No such file or directory");
}

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("{} is odd", n);
  return n / 2;
}

Result<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

TEST(Result, PropagatesTheFirstError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().message(), "3 is odd");
  EXPECT_EQ(Quarter(7).error().message(), "7 is odd");
}

TEST(Strings, ParseUint64TakesDigitsOnly) {
  EXPECT_EQ(ParseUint64("18446744073709551615"), 18446744073709551615u);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(ParseUint64(bad).has_value()) << bad;
  }
}

TEST(Strings, Base64RoundTrips) {
  for (const std::string& s :
       std::vector<std::string>{"", "a", "ab", "abc", "abcd", std::string("\0\xff", 2)}) {
    EXPECT_EQ(Base64Decode(Base64Encode(s)), s);
  }
  EXPECT_EQ(Base64Encode("user:pw"), "dXNlcjpwdw==");
  EXPECT_FALSE(Base64Decode("a").has_value());
  EXPECT_FALSE(Base64Decode("a*==").has_value());
}

TEST(Strings, SplitKeepsEmptyParts) {
  EXPECT_EQ(Split("a,,b", ',').size(), 3u);
  EXPECT_EQ(Split("", ',').size(), 1u);
}

TEST(Crc32c, MatchesTheStandardCheckValue) { EXPECT_EQ(Crc32c("123456789"), 0xe3069283u); }

TEST(Crc32c, MatchesTheExamplesOfRfc3720InOnePieceAndInTwo) {
  const std::string zeros(32, '\0'), ones(32, '\xff');
  EXPECT_EQ(Crc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(Crc32c(ones), 0x62a8ab43u);
  for (size_t cut = 0; cut <= ones.size(); ++cut) {
    EXPECT_EQ(Crc32c(ones.substr(cut), Crc32c(ones.substr(0, cut))), 0x62a8ab43u) << cut;
  }
}

TEST(Ids, UuidsAreOfVersionFourAndDiffer) {
  const std::string one = NewUuid();
  ASSERT_EQ(one.size(), 36u);
  for (const size_t at : {8, 13, 18, 23}) EXPECT_EQ(one[at], '-') << one;
  EXPECT_EQ(one[14], '4') << one;
  EXPECT_NE(std::string("89ab").find(one[19]), std::string::npos) << one;
  EXPECT_NE(one, NewUuid());
}

TEST(Percent, EscapesAreReadAndHalfOnesRefused) {
  EXPECT_EQ(PercentDecode("a%2Fb%2f+"), "a/b/+");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  for (const char* bad : {"%", "%1", "a%", "%g0", "%0g"})
    EXPECT_EQ(PercentDecode(bad), std::nullopt);
  EXPECT_EQ(ReadEscape("%41bc"), 'A');
  EXPECT_EQ(ReadEscape("41"), std::nullopt);
}

TEST(Ids, ObjectIdsHave64HexDigitsAndDiffer) {
  EXPECT_EQ(NewObjectId().size(), 64u);
  EXPECT_NE(NewObjectId(), NewObjectId());
}

TEST(Codec, RoundTripsAndRefusesShortInput) {
  Writer w;
  w.U8(7);
  w.I64(-5);
  w.Strings({"a", "", "ccc"});
  const std::string bytes = w.Take();
  Reader r(bytes);
  EXPECT_EQ(r.U8(), 7);
  EXPECT_EQ(r.I64(), -5);
  EXPECT_EQ(r.Strings(), (std::vector<std::string>{"a", "", "ccc"}));
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.AtEnd());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Reader s(std::string_view(bytes).substr(0, cut));
    s.U8();
    s.I64();
    s.Strings();
    EXPECT_FALSE(s.ok()) << cut;
  }
}

TEST(Codec, AHugeCountIsRefusedBeforeAllocating) {
  Writer w;
  w.U32(0xffffffff);
  Reader r(w.bytes());
  EXPECT_TRUE(r.Strings().empty());
  EXPECT_FALSE(r.ok());
}

TEST(Log, QuotesValuesThatNeedIt) {
  std::string seen;
  SetLogSink([&](LogLevel, std::string_view line) { seen = line; });
  LogInfo("pod started", {{"pod", "default/web"}, {"note", "two words"}, {"n", 3}});
  EXPECT_EQ(seen, "pod started pod=default/web note=\"two words\" n=3");
}

TEST(Strings, PercentEncodeKeepsWhatIsPlain) {
  EXPECT_EQ(PercentEncode("repository:a/b:pull"), "repository%3Aa%2Fb%3Apull");
}

}  // namespace
}  // namespace keelson::base
