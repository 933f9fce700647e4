// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/message.h"

#include <gtest/gtest.h>

namespace keelson::dns {
namespace {

using std::string_literals::operator""s;

// id 0x1234, recursion desired, one question, type A.
std::string Query(const std::string& labels, uint16_t type = kA) {
  std::string out = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + labels + "\0"s;
  out += static_cast<char>(type >> 8);
  out += static_cast<char>(type & 255);
  return out + "\x00\x01"s;
}

TEST(ReadQuestion, TakesNamesInAnyCase) {
  Code code = kNoError;
  const auto question = ReadQuestion(Query("\3Web\7default\3svc"), code);
  ASSERT_TRUE(question);
  EXPECT_EQ(code, kNoError);
  EXPECT_EQ(question->name, "web.default.svc");
  EXPECT_EQ(question->written, "Web.default.svc");
  EXPECT_EQ(question->type, kA);
  EXPECT_TRUE(question->recursion_desired);
  EXPECT_EQ(UdpLimit(*question), 512u);
}

TEST(ReadQuestion, KnowsEdns) {
  std::string packet = Query("\3web");
  packet[11] = 1;  // one additional record
  packet += "\0\0\x29\x10\x00\0\0\x80\0\0\0"s;
  Code code = kNoError;
  const auto question = ReadQuestion(packet, code);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->udp_size, 4096);
  EXPECT_TRUE(question->dnssec_ok);
  EXPECT_EQ(UdpLimit(*question), 1232u);
}

TEST(ReadQuestion, RefusesWhatIsBroken) {
  Code code = kNoError;
  EXPECT_FALSE(ReadQuestion("short", code));
  std::string answer = Query("\3web");
  answer[2] = static_cast<char>(0x81);
  EXPECT_FALSE(ReadQuestion(answer, code));  // answers are not answered
  for (const std::string& bad :
       {Query("\3we").substr(0, 15), "\x12\x34\x01\x00\x00\x02"s + std::string(20, '\0'),
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"s,
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + std::string(300, '\x01')}) {
    EXPECT_TRUE(ReadQuestion(bad, code));
    EXPECT_EQ(code, kFormat);
  }
  std::string status = Query("\3web");
  status[2] = 0x10;
  EXPECT_TRUE(ReadQuestion(status, code));
  EXPECT_EQ(code, kNotImplemented);
}

TEST(WriteAnswer, PointsToNamesThatStandThere) {
  Code code = kNoError;
  const Question question = *ReadQuestion(Query("\3Web\1a"), code);
  Answer answer;
  answer.authoritative = true;
  answer.answers = {{.name = "web.a", .type = kA, .ttl = 5, .data = "\x0a\x2b\x00\x09"s}};
  const std::string bytes = WriteAnswer(question, answer, 512);
  EXPECT_EQ(bytes, "\x12\x34\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\3Web\1a\0\0\1\0\1"s +
                       "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\x2b\x00\x09"s);
}

TEST(WriteAnswer, SaysThatItIsCut) {
  Code code = kNoError;
  const Question question = *ReadQuestion(Query("\3web\1a"), code);
  Answer answer;
  for (int i = 0; i < 100; ++i)
    answer.answers.push_back({.name = "web.a", .type = kA, .ttl = 5, .data = "\x0a\x2b\x00\x09"s});
  const std::string bytes = WriteAnswer(question, answer, 512);
  EXPECT_LE(bytes.size(), 512u);
  EXPECT_NE(bytes[2] & 2, 0);
  const auto read = ReadForeign(bytes, question);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->truncated);
  EXPECT_TRUE(read->has_answers);
}

TEST(Foreign, BelongsToItsQuestionAndTellsHowLongItCounts) {
  Code code = kNoError;
  const Question question = *ReadQuestion(Query("\3web\1a"), code);
  Answer answer;
  answer.answers = {{.name = "web.a", .type = kCname, .ttl = 300, .data = "b.a"},
                    {.name = "b.a", .type = kA, .ttl = 60, .data = "\1\2\3\4"}};
  std::string packet = WriteAnswer(question, answer, 512);
  EXPECT_EQ(ReadForeign(packet, question)->ttl, 60u);
  EXPECT_FALSE(ReadForeign(packet, *ReadQuestion(Query("\3web\1b"), code)));
  EXPECT_FALSE(ReadForeign(packet.substr(0, packet.size() - 1), question));
  packet = Aged(packet, 50);
  EXPECT_EQ(ReadForeign(packet, question)->ttl, 10u);
  Answer nothing;
  nothing.code = kNxDomain;
  nothing.authority = {{.name = "a", .type = kSoa, .ttl = 30, .data = "ns.a host.a"}};
  EXPECT_EQ(ReadForeign(WriteAnswer(question, nothing, 512), question)->ttl, 30u);
}

TEST(Readdressed, IsForTheOneWhoAsksNow) {
  Code code = kNoError;
  const Question first = *ReadQuestion(Query("\3web\1a"), code);
  std::string other = Query("\3WEB\1A");
  other[0] = 'x';
  const Question second = *ReadQuestion(other, code);
  const std::string packet = Readdressed(WriteAnswer(first, Answer(), 512), second);
  EXPECT_EQ(packet[0], 'x');
  EXPECT_NE(packet.find("WEB"), std::string::npos);
}

}  // namespace
}  // namespace keelson::dns
