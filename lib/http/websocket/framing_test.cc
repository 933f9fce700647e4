// SPDX-License-Identifier: Apache-2.0
#include "lib/http/websocket/framing.h"

#include <gtest/gtest.h>

namespace keelson::websocket {
namespace {

using namespace std::string_literals;

class Recorder final : public Events {
 public:
  void OnMessage(bool text, std::string_view piece, bool begins, bool ends) override {
    if (begins) log += text ? "T(" : "B(";
    log += piece;
    if (ends) log += ")";
    bytes += piece.size();
  }
  void OnClose(uint16_t code) override { log += "close " + std::to_string(code); }
  std::string log;
  size_t bytes = 0;
};

// A client's frame: masked.
std::string Frame(uint8_t head, std::string_view payload) {
  std::string out(1, static_cast<char>(head));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    out += "\xfe"s + static_cast<char>(payload.size() >> 8) + static_cast<char>(payload.size());
  } else {
    out += '\xff';
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  const std::string mask = "\x37\xfa\x21\x3d";
  out += mask;
  for (size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  return out;
}

TEST(WebSocketFraming, AnswersTheKeyOfTheRfc) {
  EXPECT_EQ(AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(IsKey("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_FALSE(IsKey("dGhlIHNhbXBsZQ=="));
  EXPECT_FALSE(IsKey(""));
}

TEST(WebSocketFraming, ReadsFramesWhateverThePiecesThatBytesComeIn) {
  // "Hello" masked, from RFC 6455, 5.7; a message in three frames with a ping in between; an empty
  // one; a close.
  const std::string bytes = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s + Frame(0x02, "ab") +
                            Frame(0x89, "are you there") + Frame(0x00, "") + Frame(0x80, "cd") +
                            Frame(0x82, "") + Frame(0x88, "\x03\xe8"s + "bye");
  for (size_t step : {1, 2, 7, 1000}) {
    Recorder recorder;
    Framing framing(recorder);
    for (size_t i = 0; i < bytes.size(); i += step)
      ASSERT_TRUE(framing.Feed(std::string_view(bytes).substr(i, step)).ok());
    EXPECT_EQ(recorder.log, "T(Hello)B(abcd)B()close 1000");
    EXPECT_EQ(framing.TakeOutput(), "\x8a\x0d"s + "are you there" + "\x88\x02\x03\xe8");
    EXPECT_TRUE(framing.closed());
  }
}

TEST(WebSocketFraming, TakesEveryLength) {
  for (const size_t size : {125, 126, 65535, 65536, 1 << 20}) {
    Recorder recorder;
    Framing framing(recorder);
    ASSERT_TRUE(framing.Feed(Frame(0x82, std::string(size, 'x'))).ok());
    EXPECT_EQ(recorder.bytes, size);
  }
}

TEST(WebSocketFraming, WritesTheShortestLength) {
  const struct {
    size_t size;
    std::string head;
  } cases[] = {{3, "\x82\x03"s},
               {126, "\x82\x7e\0\x7e"s},
               {65535, "\x82\x7e\xff\xff"s},
               {65536, "\x82\x7f\0\0\0\0\0\1\0\0"s}};
  for (const auto& c : cases) {
    Recorder recorder;
    Framing framing(recorder);
    framing.Send(false, "c", std::string(c.size - 1, 'x'));
    EXPECT_EQ(framing.output_bytes(), c.head.size() + c.size);
    EXPECT_EQ(framing.TakeOutput().substr(0, c.head.size()), c.head);
  }
}

TEST(WebSocketFraming, SaysNothingAfterItsClose) {
  Recorder recorder;
  Framing framing(recorder);
  framing.Close(CloseCode::kNormal);
  framing.Send(true, "more");
  framing.Pong();
  framing.Close(CloseCode::kGoingAway);
  EXPECT_EQ(framing.TakeOutput(), "\x88\x02\x03\xe8"s);
  ASSERT_TRUE(framing.Feed(Frame(0x88, "\x03\xe8"s)).ok());
  EXPECT_EQ(framing.TakeOutput(), "") << "the answer to our own is not answered";
  EXPECT_EQ(recorder.log, "close 1000");
}

TEST(WebSocketFraming, EndsAtWhatIsNotTheProtocol) {
  const struct {
    std::string_view name;
    std::string bytes;
  } cases[] = {
      {"no mask", "\x82\x01x"s},
      {"reserved bits", Frame(0xc2, "x")},
      {"reserved kind", Frame(0x83, "x")},
      {"reserved control", Frame(0x8b, "x")},
      {"continuation of nothing", Frame(0x80, "x")},
      {"message in a message", Frame(0x02, "x") + Frame(0x82, "y")},
      {"ping in parts", Frame(0x09, "x")},
      {"long ping", Frame(0x89, std::string(126, 'x'))},
      {"length not in its shortest form", "\x82\xfe\0\x05\1\2\3\4hello"s},
      {"length over 2^63", "\x82\xff\x80\0\0\0\0\0\0\0\1\2\3\4"s},
      {"half a close code", Frame(0x88, "\x03")},
      {"a code that may not travel", Frame(0x88, "\x03\xee")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Recorder recorder;
    Framing framing(recorder);
    EXPECT_FALSE(framing.Feed(c.bytes).ok());
    EXPECT_EQ(framing.TakeOutput(), "\x88\x02\x03\xea"s);
    EXPECT_FALSE(framing.Feed(Frame(0x82, "x")).ok());
  }
}

}  // namespace
}  // namespace keelson::websocket
