// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/clients.h"

#include <gtest/gtest.h>

namespace keelson::dns {
namespace {

TEST(Clients, OfPrivateAddressesAreAnsweredAndOthersAreNot) {
  const Clients clients = Clients::Private();
  for (const char* one : {"10.42.0.2", "172.31.255.255", "192.168.1.1", "100.127.0.1", "127.0.0.1",
                          "fd00::2", "fe80::1", "::1"})
    EXPECT_TRUE(clients.Include(base::IpAddress::Parse(one))) << one;
  EXPECT_FALSE(clients.Include(std::nullopt));
  for (const char* one : {"11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "8.8.8.8",
                          "2001:db8::1", "fec0::1", "::2"})
    EXPECT_FALSE(clients.Include(base::IpAddress::Parse(one))) << one;
}

TEST(Clients, AreBlocksOfBothFamilies) {
  const auto clients = Clients::Parse({"203.0.113.128/25", "2001:db8::/32"});
  ASSERT_TRUE(clients);
  EXPECT_TRUE(clients->Include(base::IpAddress::Parse("203.0.113.200")));
  EXPECT_FALSE(clients->Include(base::IpAddress::Parse("203.0.113.1")));
  EXPECT_TRUE(clients->Include(base::IpAddress::Parse("2001:db8:1::1")));
  EXPECT_TRUE(Clients::Parse({"0.0.0.0/0"})->Include(base::IpAddress::Parse("8.8.8.8")));
  const auto both = Clients::Parse({"private", "2001:db8::/32"});
  ASSERT_TRUE(both);
  for (const char* one : {"10.42.0.7", "127.0.0.1", "fd00::1", "2001:db8::7"})
    EXPECT_TRUE(both->Include(base::IpAddress::Parse(one))) << one;
  EXPECT_FALSE(both->Include(base::IpAddress::Parse("2001:db9::7")));
  EXPECT_FALSE(Clients::Parse({"0.0.0.0/0"})->Include(base::IpAddress::Parse("2001:db8::1")));
  for (const char* bad :
       {"", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "a/8", "10.0.0.0/"})
    EXPECT_FALSE(Clients::Parse({bad})) << bad;
}

}  // namespace
}  // namespace keelson::dns
