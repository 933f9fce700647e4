// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "lib/base/fake_clock.h"
#include "lib/os/pipe.h"

namespace keelson::stream {
namespace {

struct LinkTest : testing::Test {
  LinkTest() {
    auto pair = os::CreateSocketPair(SOCK_SEQPACKET);
    peer = std::move(pair->second);
    link = *Link::Create(std::move(pair->first), clock);
  }
  base::ManualClock clock;
  os::UniqueFd peer;
  std::shared_ptr<Link> link;
};

TEST_F(LinkTest, KeepsWhatDoesNotFitInOrderWithItsDescriptors) {
  auto pipe = os::CreatePipe();
  const std::string large(10000, 'x');
  constexpr int kPackets = 200;
  for (int i = 0; i < kPackets; ++i)
    link->Send(Type::kOpened, static_cast<uint64_t>(i), large, {pipe->write_end.get()});
  pipe->write_end.reset();
  ASSERT_TRUE(os::SetNonBlocking(peer.get(), true).ok());
  int received = 0;
  for (int rounds = 0; received < kPackets && rounds < 10000; ++rounds) {
    (void)link->Wait(-1, std::chrono::milliseconds(0));
    auto message = os::ReceiveMessage(peer.get());
    if (!message.ok()) continue;
    auto packet = ParsePacket(std::move(message).value());
    ASSERT_TRUE(packet.ok());
    EXPECT_EQ(packet->session, static_cast<uint64_t>(received++));
    EXPECT_EQ(packet->payload, large);
    EXPECT_EQ(packet->fds.size(), 1u);
  }
  EXPECT_EQ(received, kPackets);
}

TEST_F(LinkTest, GivesAPeerUpThatTakesNothing) {
  for (int i = 0; i < 200; ++i) link->Send(Type::kEnded, 1, std::string(10000, 'x'));
  EXPECT_FALSE(link->Wait(-1, std::chrono::milliseconds(0)));
  clock.Advance(kStuckTime);
  (void)link->Wait(-1, std::chrono::milliseconds(0));
  ASSERT_TRUE(link->Wait(-1, std::chrono::milliseconds(0)));
  const auto packet = link->Receive();
  ASSERT_FALSE(packet.ok());
  EXPECT_NE(packet.error().os_errno(), EAGAIN) << "the end of it";
}

TEST_F(LinkTest, SaysNothingOnceBroken) {
  link->Break();
  link->Send(Type::kEnded, 1, "x");
  EXPECT_FALSE(os::ReceiveMessage(peer.get()).ok());
}

}  // namespace
}  // namespace keelson::stream
