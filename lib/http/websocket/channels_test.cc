// SPDX-License-Identifier: Apache-2.0
#include "lib/http/websocket/channels.h"

#include <gtest/gtest.h>

namespace keelson::websocket {
namespace {

using namespace std::string_literals;

class Recorder final : public ChannelEvents {
 public:
  void OnChannelData(uint8_t channel, std::string_view piece) override {
    log += std::to_string(channel) + ":" + std::string(piece) + ";";
  }
  void OnChannelClose(uint8_t channel) override { log += std::to_string(channel) + " closed;"; }
  std::string log;
};

TEST(Subprotocols, AreNegotiatedInTheClientsOrder) {
  const std::vector<std::string_view> ours = {"", "channel.k8s.io", "v4.channel.k8s.io",
                                              "v5.channel.k8s.io"};
  const struct {
    std::vector<std::string> header;
    std::optional<std::string_view> chosen;
  } cases[] = {{{}, ""},
               {{"v5.channel.k8s.io"}, "v5.channel.k8s.io"},
               {{"other, v4.channel.k8s.io", "channel.k8s.io"}, "v4.channel.k8s.io"},
               {{" , "}, ""},
               {{"v6.channel.k8s.io"}, std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(Negotiate(c.header, ours), c.chosen);
  EXPECT_TRUE(FindSubprotocol("v5.channel.k8s.io")->close_signal);
  EXPECT_EQ(FindSubprotocol("v5.base64.channel.k8s.io"), nullptr) << "there is none";
}

TEST(Channels, AreReadFromPiecesOfMessages) {
  const Subprotocol& v5 = *FindSubprotocol("v5.channel.k8s.io");
  Recorder recorder;
  ChannelReader reader(v5, recorder);
  ASSERT_TRUE(reader.Take("\0hel"s, true, false).ok());
  ASSERT_TRUE(reader.Take("lo", false, true).ok());
  ASSERT_TRUE(reader.Take("", true, true).ok());
  ASSERT_TRUE(reader.Take("", true, false).ok());
  ASSERT_TRUE(reader.Take("\4", false, true).ok());
  ASSERT_TRUE(reader.Take("\xff"s, true, false).ok());
  ASSERT_TRUE(reader.Take("\0"s, false, true).ok());
  EXPECT_EQ(recorder.log, "0:hel;0:lo;0 closed;");
  EXPECT_FALSE(reader.Take("\xff"s, true, true).ok());
  EXPECT_FALSE(reader.Take("\xff\0\1"s, true, true).ok());
}

TEST(Channels, OfOlderVersionsHaveNoCloseSignal) {
  Recorder recorder;
  ChannelReader reader(*FindSubprotocol("v4.channel.k8s.io"), recorder);
  ASSERT_TRUE(reader.Take("\xff\0"s, true, true).ok());
  EXPECT_EQ(recorder.log, "255:\0;"s);
}

TEST(Channels, InBase64AreReadAcrossPieces) {
  const Subprotocol& base64 = *FindSubprotocol("v4.base64.channel.k8s.io");
  Recorder recorder;
  ChannelReader reader(base64, recorder);
  ASSERT_TRUE(reader.Take("0aGVsb", true, false).ok());
  ASSERT_TRUE(reader.Take("G8=", false, true).ok());
  ASSERT_TRUE(reader.Take("4", true, true).ok());
  EXPECT_EQ(recorder.log, "0:hel;0:lo;");
  for (const std::string_view bad : {"0aGVsbG8", "0!!!!", "0aGVsbG8=aGVs", "/AAAA"}) {
    SCOPED_TRACE(bad);
    ChannelReader other(base64, recorder);
    EXPECT_FALSE(other.Take(bad, true, true).ok());
  }
  ChannelReader other(base64, recorder);
  ASSERT_TRUE(other.Take("0aGVsbG8=", true, false).ok());
  EXPECT_FALSE(other.Take("aGVs", false, true).ok());
}

TEST(Channels, AreWrittenInTheFormOfTheSubprotocol) {
  const ChannelMessage binary = FormatMessage(*FindSubprotocol(""), 3, "hello");
  EXPECT_FALSE(binary.text);
  EXPECT_EQ(binary.first + std::string(binary.second), "\3hello");
  const ChannelMessage text = FormatMessage(*FindSubprotocol("base64.channel.k8s.io"), 1, "hello");
  EXPECT_TRUE(text.text);
  EXPECT_EQ(text.first + std::string(text.second), "1aGVsbG8=");
}

}  // namespace
}  // namespace keelson::websocket
