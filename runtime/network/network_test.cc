// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "runtime/network/addresses.h"
#include "runtime/network/bridge_network.h"
#include "runtime/network/firewall.h"

namespace keelson::network {
namespace {

TEST(Subnets, AreParsedStrictly) {
  const Subnet subnet = ParseSubnet("10.42.3.7/24").value();
  EXPECT_EQ(FormatSubnet(subnet), "10.42.3.0/24");
  EXPECT_EQ(FormatAddress(subnet.Gateway()), "10.42.3.1");
  EXPECT_EQ(FormatAddress(subnet.Last()), "10.42.3.254");
  for (const char* bad : {"", "10.42.0.0", "10.42.0.0/", "10.42.0.0/30", "10.42.0.0/7", "x/24",
                          "::/64", "10.42.0/24", "10.42.0.0/24 "}) {
    EXPECT_FALSE(ParseSubnet(bad).ok()) << bad;
  }
}

TEST(Addresses, AreKeptAndAFreedOneComesLast) {
  const Subnet subnet = ParseSubnet("10.0.0.0/29").value();  // .2 to .6
  Allocations allocations;
  EXPECT_EQ(FormatAddress(Allocate(subnet, allocations, "a").value()), "10.0.0.2");
  EXPECT_EQ(FormatAddress(Allocate(subnet, allocations, "b").value()), "10.0.0.3");
  EXPECT_EQ(FormatAddress(Allocate(subnet, allocations, "a").value()), "10.0.0.2");
  allocations.owners.erase("a");
  EXPECT_EQ(FormatAddress(Allocate(subnet, allocations, "c").value()), "10.0.0.4");
  EXPECT_TRUE(Allocate(subnet, allocations, "d").ok());
  EXPECT_TRUE(Allocate(subnet, allocations, "e").ok());
  EXPECT_EQ(FormatAddress(Allocate(subnet, allocations, "f").value()), "10.0.0.2");
  const base::Result<uint32_t> full = Allocate(subnet, allocations, "g");
  EXPECT_EQ(full.error().message(), "all 5 addresses of the pod subnet 10.0.0.0/29 are taken");
  std::set<uint32_t> distinct;
  for (const auto& [owner, address] : allocations.owners) distinct.insert(address);
  EXPECT_EQ(distinct.size(), 5u);
}

TEST(Addresses, RecordsAreChecked) {
  Allocations allocations;
  allocations.owners["a"] = 5;
  allocations.last = 5;
  std::string bytes = EncodeAllocations(allocations);
  EXPECT_EQ(DecodeAllocations(bytes).value().owners, allocations.owners);
  bytes[9] = static_cast<char>(bytes[9] ^ 1);
  EXPECT_FALSE(DecodeAllocations(bytes).ok());
  EXPECT_FALSE(DecodeAllocations("").ok());
}

TEST(Firewall, RulesAreFewAndOurs) {
  EXPECT_EQ(PlanChains({"keelson0", "10.42.0.0/24", "10.42.0.0/16"}),
            "*nat\n"
            ":KEELSON-NAT-keelson0 - [0:0]\n"
            "-A KEELSON-NAT-keelson0 -m mark --mark 0x2000/0x2000 -j MASQUERADE\n"
            "-A KEELSON-NAT-keelson0 -s 10.42.0.0/24 -d 224.0.0.0/4 -j RETURN\n"
            "-A KEELSON-NAT-keelson0 -s 10.42.0.0/24 ! -d 10.42.0.0/16 -j MASQUERADE\n"
            "COMMIT\n"
            "*filter\n"
            ":KEELSON-FWD-keelson0 - [0:0]\n"
            "-A KEELSON-FWD-keelson0 -i keelson0 -j ACCEPT\n"
            "-A KEELSON-FWD-keelson0 -o keelson0 -j ACCEPT\n"
            ":KEELSON-IN-keelson0 - [0:0]\n"
            "-A KEELSON-IN-keelson0 -i keelson0 -d 127.0.0.0/8 -m conntrack ! --ctstate "
            "RELATED,ESTABLISHED -j DROP\n"
            "COMMIT\n");
}

TEST(Firewall, ItsPlaceIsBehindAServiceProxys) {
  const std::string_view saved =
      "*filter\n:FORWARD DROP [0:0]\n-A INPUT -j KUBE-NODEPORTS\n"
      "-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES\n-A FORWARD -j KUBE-FORWARD\n"
      "-A FORWARD -j DOCKER-USER\n"
      "-A FORWARD -m comment --comment \"keelson pods\" -j KEELSON-FWD-keelson0\nCOMMIT\n";
  EXPECT_EQ(OrderOf(saved, "KEELSON-FWD-keelson0"), (ForwardOrder{4, 2}));
  EXPECT_EQ(OrderOf(saved, "KEELSON-FWD-keelson"), (ForwardOrder{0, 2}));
  EXPECT_EQ(OrderOf("*filter\nCOMMIT\n", "KEELSON-FWD-keelson0"), (ForwardOrder{0, 0}));
}

TEST(Interfaces, NamesFitTheKernel) {
  EXPECT_EQ(HostInterfaceName(std::string(64, 'a')).size(), 14u);
}

}  // namespace
}  // namespace keelson::network
