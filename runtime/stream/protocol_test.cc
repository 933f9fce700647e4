// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/protocol.h"

#include <gtest/gtest.h>

namespace keelson::stream {
namespace {

TEST(StreamProtocol, ReadsWhatItWrites) {
  const Grant grant{.kind = Kind::kPortForward, .tty = true, .out = true, .ports = {80, 65535}};
  const auto read = DecodeGrant(EncodeGrant(grant));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->kind, grant.kind);
  EXPECT_TRUE(read->tty && read->out && !read->in && !read->err);
  EXPECT_EQ(read->ports, grant.ports);
  const auto refused = DecodeGrant(EncodeGrant(base::NotFound("no such token")));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "no such token");

  const auto opened = DecodeOpened(EncodeOpened(Opened{.in = true, .err = true}));
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(opened->in && opened->err && !opened->out && !opened->terminal);
  EXPECT_EQ(DecodeEnded(Encode(EndedMessage{.exit_code = -1, .error = "e"}))->exit_code, -1);
  EXPECT_EQ(*DecodeSize(Encode(Size{.columns = 80, .rows = 24})), (Size{80, 24}));
  EXPECT_EQ(DecodeConnect(Encode(Connect{.lane = 3, .port = 8080}))->port, 8080);
  EXPECT_EQ(DecodeConnected(Encode(Connected{.lane = 3, .error = "x"}))->error, "x");
  EXPECT_EQ(DecodeRedeem(Encode(Redeem{.kind = Kind::kAttach, .token = "t"}))->token, "t");
  const auto config = DecodeConfig(Encode(Config{.certificate = "c", .key = "k"}));
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->idle_seconds, 4u * 3600);
}

TEST(StreamProtocol, RefusesOtherVersionsAndCutPackets) {
  std::string bytes = FormatPacket(Type::kOpen, 7, "payload");
  const auto packet = ParsePacket({.bytes = bytes, .fds = {}});
  ASSERT_TRUE(packet.ok());
  EXPECT_EQ(packet->session, 7u);
  EXPECT_EQ(packet->payload, "payload");
  EXPECT_FALSE(ParsePacket({.bytes = bytes.substr(0, 15), .fds = {}}).ok());
  bytes[0] = 2;
  EXPECT_FALSE(ParsePacket({.bytes = bytes, .fds = {}}).ok());
  EXPECT_FALSE(DecodeRedeem("\x09").ok());
  EXPECT_FALSE(DecodeSize("1234").ok());
}

}  // namespace
}  // namespace keelson::stream
