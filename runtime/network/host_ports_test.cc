// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_ports.h"

#include <gtest/gtest.h>

#include "runtime/network/subnets.h"

namespace keelson::network {
namespace {

PortMapping Port(uint16_t host, const std::string& ip = "", Protocol protocol = Protocol::kTcp) {
  return {protocol, ip, host, 80};
}

TEST(HostPortsTest, ClashesNamePortAndPod) {
  HostPortTable table;
  table["aaaaaaaaaaaaaaaa"] = {
      "shop/web", {Port(8080), Port(53, "10.0.0.1", Protocol::kUdp)}, "", ""};
  const auto refused = [&](const PortMapping& wanted) {
    return !CheckHostPorts(table, "bbbb", {wanted}).ok();
  };
  EXPECT_TRUE(refused(Port(8080)));
  EXPECT_TRUE(refused(Port(8080, "10.9.9.9")));
  EXPECT_TRUE(refused(Port(8080, "::")));
  EXPECT_FALSE(refused(Port(8080, "", Protocol::kUdp)));
  EXPECT_FALSE(refused(Port(8081)));
  EXPECT_TRUE(refused(Port(53, "", Protocol::kUdp)));
  EXPECT_TRUE(refused(Port(53, "0.0.0.0", Protocol::kUdp)));
  EXPECT_FALSE(refused(Port(53, "10.0.0.2", Protocol::kUdp)));
  EXPECT_FALSE(refused(Port(53, "::", Protocol::kUdp)));
  EXPECT_TRUE(CheckHostPorts(table, "aaaaaaaaaaaaaaaa", {Port(8080)}).ok());  // its own
  EXPECT_EQ(CheckHostPorts(table, "bbbb", {Port(8080, "10.9.9.9")}).error().message(),
            "host port 8080/tcp of 10.9.9.9 is taken by pod 'shop/web' (sandbox aaaaaaaaaaaa)");
  EXPECT_EQ(CheckHostPorts(table, "bbbb", {Port(1), Port(1)}).error().message(),
            "host port 1/tcp is asked for twice by the pod");
}

TEST(HostPortsTest, RulesMarkWhatMustComeBackThenTranslate) {
  HostPortTable table;
  table["a"] = {"shop/web", {Port(8080), Port(53, "10.0.0.1", Protocol::kUdp)}, "10.42.0.5", ""};
  table["b"] = {"shop/six", {Port(90), Port(91, "0.0.0.0")}, "10.42.0.6", "fd42::6"};
  table["c"] = {"shop/unfinished", {Port(99)}, "", ""};
  EXPECT_EQ(
      PlanHostPorts(table, "keelson0", "10.42.0.0/24", false),
      "*nat\n"
      ":KEELSON-HP-keelson0 - [0:0]\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 8080 -s 10.42.0.0/24 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 8080 -s 127.0.0.0/8 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.42.0.5:80\n"
      "-A KEELSON-HP-keelson0 -p udp -d 10.0.0.1/32 -m udp --dport 53 -s 10.42.0.0/24 -j MARK "
      "--set-xmark 0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p udp -d 10.0.0.1/32 -m udp --dport 53 -s 127.0.0.0/8 -j MARK "
      "--set-xmark 0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p udp -d 10.0.0.1/32 -m udp --dport 53 -j DNAT --to-destination "
      "10.42.0.5:80\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 90 -s 10.42.0.0/24 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 90 -s 127.0.0.0/8 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 90 -j DNAT --to-destination 10.42.0.6:80\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 91 -s 10.42.0.0/24 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 91 -s 127.0.0.0/8 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 91 -j DNAT --to-destination 10.42.0.6:80\n"
      "COMMIT\n");
  EXPECT_EQ(
      PlanHostPorts(table, "keelson0", "fd42::/64", true),
      "*nat\n"
      ":KEELSON-HP-keelson0 - [0:0]\n"
      "-A KEELSON-HP-keelson0 -d ::1/128 -j RETURN\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 90 -s fd42::/64 -j MARK --set-xmark "
      "0x2000/0x2000\n"
      "-A KEELSON-HP-keelson0 -p tcp -m tcp --dport 90 -j DNAT --to-destination [fd42::6]:80\n"
      "COMMIT\n");
}

TEST(HostPortsTest, RecordsAreChecked) {
  HostPortTable table;
  table["a"] = {"shop/web", {Port(53, "::1", Protocol::kSctp)}, "10.42.0.5", "fd42::5"};
  std::string bytes = EncodeHostPorts(table);
  const HostPortTable read = DecodeHostPorts(bytes).value();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read.at("a").pod, "shop/web");
  EXPECT_EQ(read.at("a").address6, "fd42::5");
  EXPECT_EQ(read.at("a").ports[0].protocol, Protocol::kSctp);
  EXPECT_EQ(read.at("a").ports[0].host_port, 53);
  bytes[12] = static_cast<char>(bytes[12] ^ 1);
  EXPECT_FALSE(DecodeHostPorts(bytes).ok());
  EXPECT_FALSE(DecodeHostPorts("").ok());
}

TEST(PodSubnetsTest, OneOfEachFamilyTheFirstIsPrimary) {
  const PodSubnets both = ParsePodSubnets("10.42.3.0/24,fd42:0:0:3::/64").value();
  EXPECT_FALSE(both.v6_first);
  const uint32_t pod = both.v4->First() + 5;
  EXPECT_EQ(FormatAddress(both.v6->At(both.NumberOf(pod))), "fd42:0:0:3::7");
  EXPECT_EQ(FormatSubnet(*both.v6), "fd42:0:0:3::/64");
  EXPECT_TRUE(ParsePodSubnets("fd42::/64,10.42.3.0/24").value().v6_first);
  const PodSubnets six = ParsePodSubnets("fd42::ff00/120").value();
  EXPECT_TRUE(six.v6_first);
  Allocations allocations;
  EXPECT_EQ(
      FormatAddress(six.v6->At(six.NumberOf(Allocate(six.Numbers(), allocations, "a").value()))),
      "fd42::ff02");
  for (const char* bad : {"", "10.42.0.0/24,", "10.42.0.0/24,10.43.0.0/24", "fd42::/64,fd43::/64",
                          "10.42.0.0/16,fd42::/120", "fd42::/8", "fd42::/126", "fd42::"}) {
    EXPECT_FALSE(ParsePodSubnets(bad).ok()) << bad;
  }
}

TEST(BucketTest, HoldsALargePacketAndATwentiethOfASecond) {
  EXPECT_EQ(BucketOf(1000).bytes_per_second, 125u);
  EXPECT_EQ(BucketOf(1000).burst, 65536u);
  EXPECT_EQ(BucketOf(800'000'000).burst, 5'000'000u);
  EXPECT_EQ(BucketOf(800'000'000).limit, 15'000'000u);
  EXPECT_LE(BucketOf(1'000'000'000'000'000).limit, 256u << 20);
}

}  // namespace
}  // namespace keelson::network
