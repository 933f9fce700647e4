// SPDX-License-Identifier: Apache-2.0
#include "lib/os/socket_address.h"

#include <gtest/gtest.h>

namespace keelson::os {
namespace {

TEST(SocketAddress, IsReadAndWrittenAsAnEndpoint) {
  struct Case {
    std::string_view text;
    const char* address;
    uint16_t port;
    int family;
    socklen_t size;
  };
  for (const Case& c : {Case{"127.0.0.1:6443", "127.0.0.1", 6443, AF_INET, sizeof(sockaddr_in)},
                        Case{"0.0.0.0:0", "0.0.0.0", 0, AF_INET, sizeof(sockaddr_in)},
                        Case{"[::1]:80", "::1", 80, AF_INET6, sizeof(sockaddr_in6)},
                        Case{"fd00::1:65535", "fd00::1", 65535, AF_INET6, sizeof(sockaddr_in6)}}) {
    SCOPED_TRACE(c.text);
    const auto read = SocketAddress::Parse(c.text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->any.sa_family, c.family);
    EXPECT_EQ(read->size(), c.size);
    EXPECT_EQ(read->address()->Text(), c.address);
    EXPECT_EQ(read->port(), c.port);
    const auto again = SocketAddress::Parse(base::Endpoint(c.address, c.port));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->address(), read->address());
  }
}

TEST(SocketAddress, IsNothingElse) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bad :
       {""sv, ":"sv, ":80"sv, "127.0.0.1"sv, "127.0.0.1:"sv, "127.0.0.1:x"sv, "127.0.0.1:65536"sv,
        "127.0.0.1\0:80"sv, "127.0.0.1:80\0"sv, "[fe80::1%1]:80"sv, "[::1:80"sv, "host:80"sv})
    EXPECT_FALSE(SocketAddress::Parse(bad)) << bad;
}

TEST(SocketAddress, OfAUnixSocketHasNoAddress) {
  SocketAddress one;
  one.any.sa_family = AF_UNIX;
  EXPECT_FALSE(one.address());
}

}  // namespace
}  // namespace keelson::os
