// SPDX-License-Identifier: Apache-2.0
#include "lib/os/dial.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

namespace keelson::os {
namespace {

// Bound to a port of the kernel's choice; it takes connections only if it listens.
struct Server {
  explicit Server(bool listens) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    if (listens) {
      EXPECT_EQ(listen(socket.get(), 4), 0);
    }
    port = ntohs(address.sin_port);
  }
  TcpAddress Address() const { return ResolveTcp("127.0.0.1", port).value().at(0); }

  UniqueFd socket;
  int port = 0;
};

void WaitUntilWritable(int socket) {
  pollfd one{socket, POLLOUT, 0};
  ASSERT_EQ(poll(&one, 1, 60'000), 1);
}

TEST(ResolveTcp, AddressesHaveTheirText) {
  EXPECT_EQ(ResolveTcp("127.0.0.1", 80).value().at(0).text, "127.0.0.1:80");
  EXPECT_EQ(ResolveTcp("::1", 80).value().at(0).text, "[::1]:80");
  EXPECT_EQ(ResolveTcp("::1", 80).value().at(0).host, "::1");
  EXPECT_EQ(ResolveTcp("not a name", 80).error().code(), base::Code::kUnavailable);
}

TEST(Dial, TheNextAddressIsTriedWhenOneRefuses) {
  const Server deaf(false), listening(true);
  Dial dial({deaf.Address(), listening.Address()});
  bool connected = false;
  while (!connected) {
    const int socket = dial.Next();
    ASSERT_GE(socket, 0);
    WaitUntilWritable(socket);
    connected = dial.Connected();
  }
  EXPECT_EQ(dial.where(), listening.Address().text);
  EXPECT_EQ(dial.error(), ECONNREFUSED) << "of the first";
  EXPECT_TRUE(dial.Take().valid());
}

TEST(Dial, SaysWhoRefusedLast) {
  const Server deaf(false);
  Dial dial({deaf.Address()});
  const int socket = dial.Next();
  if (socket >= 0) {
    WaitUntilWritable(socket);
    EXPECT_FALSE(dial.Connected());
    EXPECT_LT(dial.Next(), 0);
  }
  EXPECT_EQ(dial.where(), deaf.Address().text);
  EXPECT_EQ(dial.error(), ECONNREFUSED);
}

TEST(Dial, WithoutAddressesThereIsNothingToTry) {
  Dial dial;
  EXPECT_LT(dial.Next(), 0);
  EXPECT_EQ(dial.where(), "");
}

}  // namespace
}  // namespace keelson::os
