// SPDX-License-Identifier: Apache-2.0
#include "proxy/routes/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy::routes {
namespace {

using base::IpAddress;
using base::IpBlock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ClusterNode Node(const std::string& name, std::vector<std::string> pods,
                 std::vector<std::string> addresses) {
  ClusterNode node;
  node.name = name;
  for (const std::string& text : pods) node.pods.push_back(*IpBlock::Parse(text));
  for (const std::string& text : addresses) node.addresses.push_back(*IpAddress::Parse(text));
  return node;
}

// Node a at 192.168.1.1/24 and fd01::1/64 of link 2, its pods behind link 3.
Facts TheFacts(std::vector<ClusterNode> others) {
  Facts facts;
  facts.self = "a";
  facts.nodes["a"] = Node("a", {"10.1.1.0/24", "fd10:1::/64"}, {"192.168.1.1", "fd01::1"});
  for (ClusterNode& node : others) facts.nodes[node.name] = std::move(node);
  facts.links = {{2, {2, 1500}}, {3, {3, 1500}}};
  facts.addresses = {{2, *IpAddress::Parse("192.168.1.1"), 24},
                     {2, *IpAddress::Parse("fd01::1"), 64},
                     {2, *IpAddress::Parse("fe80::1"), 64},
                     {3, *IpAddress::Parse("10.1.1.1"), 24},
                     {3, *IpAddress::Parse("fd10:1::1"), 64}};
  return facts;
}
ClusterNode Near() { return Node("b", {"10.1.2.0/24", "fd10:2::/64"}, {"192.168.1.2", "fd01::2"}); }
ClusterNode Far() { return Node("c", {"10.1.3.0/24", "fd10:3::/64"}, {"192.168.9.3", "fd09::3"}); }

std::vector<std::string> Text(const Plan& plan) {
  std::vector<std::string> lines;
  for (const Path& path : plan.paths)
    lines.push_back(fmt::format("{} via {} {}", path.to.Text(), path.via.Text(),
                                path.link == 0 ? "tunnel" : fmt::format("link {}", path.link)));
  if (plan.tunnel) {
    const netlink::VxlanLink& device = plan.tunnel->device;
    lines.push_back(fmt::format("{} vni {} port {} from {} over {} mtu {} inside {}", device.name,
                                device.vni, device.port, device.local.Text(), device.below,
                                device.mtu, plan.tunnel->inside.Text()));
    for (const Peer& peer : plan.tunnel->peers)
      lines.push_back(fmt::format("peer {} at {}{}", peer.inside.Text(), peer.outside.Text(),
                                  peer.mac == DerivedMac("c", device.local.v6) ? " c's" : ""));
  }
  return lines;
}

TEST(Routes, ANodeOnOurNetworkIsTheWayToItsPodsAndOthersAreBehindTheTunnel) {
  const Facts facts = TheFacts({Near(), Far()});
  EXPECT_THAT(Text(PlanRoutes(facts, Mode::kAuto, false)),
              ElementsAre("10.1.2.0/24 via 192.168.1.2 link 2", "10.1.3.0/24 via 10.1.3.0 tunnel",
                          "keelson.1 vni 1 port 8472 from 192.168.1.1 over 2 mtu 1450 inside "
                          "10.1.1.0",
                          "peer 10.1.3.0 at 192.168.9.3 c's"));
  const netlink::Mac mac = DerivedMac("c", true);
  const std::string gateway =
      IpAddress::Parse(fmt::format("fe80::{:02x}{:02x}:{:02x}ff:fe{:02x}:{:02x}{:02x}", mac[0] ^ 2,
                                   mac[1], mac[2], mac[3], mac[4], mac[5]))
          ->Text();
  EXPECT_THAT(
      Text(PlanRoutes(facts, Mode::kAuto, true)),
      ElementsAre("fd10:2::/64 via fd01::2 link 2", "fd10:3::/64 via " + gateway + " tunnel",
                  "keelson6.1 vni 1 port 8472 from fd01::1 over 2 mtu 1430 inside fd10:1::",
                  "peer " + gateway + " at fd09::3 c's"));
}

TEST(Routes, ModesTakeOneWayOrTheOther) {
  const Facts facts = TheFacts({Near(), Far()});
  const Plan direct = PlanRoutes(facts, Mode::kHostGateway, false);
  EXPECT_THAT(Text(direct), ElementsAre("10.1.2.0/24 via 192.168.1.2 link 2"));
  EXPECT_THAT(direct.left_out, ElementsAre(HasSubstr("node 'c': 192.168.9.3 is on no network")));
  const Plan inside = PlanRoutes(facts, Mode::kVxlan, false);
  EXPECT_EQ(inside.paths.size(), 2u);
  EXPECT_EQ(inside.tunnel->peers.size(), 2u);
  const Plan none = PlanRoutes(facts, Mode::kNone, false);
  EXPECT_TRUE(none.paths.empty() && !none.tunnel);
}

TEST(Routes, NodesThatAreNotWholeYetAreNoTrouble) {
  const Facts facts = TheFacts({Node("b", {}, {"192.168.1.2"}), Node("c", {"10.1.3.0/24"}, {})});
  const Plan plan = PlanRoutes(facts, Mode::kAuto, false);
  EXPECT_TRUE(plan.paths.empty());
  EXPECT_THAT(plan.left_out, ElementsAre(HasSubstr("no InternalIP")));
  EXPECT_THAT(PlanRoutes(facts, Mode::kAuto, true).left_out, IsEmpty());
  Facts alone = TheFacts({Near(), Far()});
  alone.nodes.erase("a");
  const Plan half = PlanRoutes(alone, Mode::kAuto, false);
  EXPECT_EQ(half.paths.size(), 1u);
  EXPECT_THAT(half.left_out, ElementsAre(HasSubstr("this node has no podCIDR")));
}

TEST(Routes, ABlockThatWouldTakeOthersPacketsIsLeftOut) {
  const struct {
    const char* name;
    const char* block;
    const char* why;
  } kCases[] = {
      {"our own pods", "10.1.1.128/25", "overlaps 10.1.1.0/24 of node 'a'"},
      {"everything", "0.0.0.0/0", "overlaps"},
      {"another node's pods", "10.1.2.0/23", "overlaps 10.1.2.0/24 of node 'b'"},
      {"a node", "192.168.9.0/24", "holds the address 192.168.9.3 of node 'c'"},
      {"this node", "192.168.1.0/31", "holds the address 192.168.1.1 of node 'a'"},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.name);
    ClusterNode bad = Node("c", {one.block}, {"192.168.9.3"});
    const Plan plan = PlanRoutes(TheFacts({Near(), bad}), Mode::kAuto, false);
    EXPECT_THAT(Text(plan), ElementsAre("10.1.2.0/24 via 192.168.1.2 link 2"));
    EXPECT_THAT(plan.left_out, ElementsAre(HasSubstr(one.why)));
  }
}

TEST(Routes, ALinkWithoutRoomCarriesNoTunnel) {
  Facts facts = TheFacts({Far()});
  facts.links[2].mtu = 1300;
  EXPECT_TRUE(PlanRoutes(facts, Mode::kAuto, false).tunnel);
  const Plan six = PlanRoutes(facts, Mode::kAuto, true);
  EXPECT_TRUE(six.paths.empty());
  EXPECT_THAT(six.left_out, ElementsAre(HasSubstr("no room")));
}

TEST(Routes, MacAddressesFollowFromNamesUnlessAnnounced) {
  EXPECT_EQ(DerivedMac("c", false), DerivedMac("c", false));
  EXPECT_NE(DerivedMac("c", false), DerivedMac("c", true));
  EXPECT_NE(DerivedMac("c", false), DerivedMac("d", false));
  EXPECT_EQ(DerivedMac("c", false)[0] & 3, 2);
  ClusterNode far = Far();
  far.mac = netlink::ParseMac("0a:00:00:00:00:09");
  ClusterNode twin = Node("d", {"10.1.4.0/24"}, {"192.168.9.4"});
  twin.mac = far.mac;
  const Plan plan = PlanRoutes(TheFacts({far, twin}), Mode::kAuto, false);
  ASSERT_EQ(plan.tunnel->peers.size(), 1u);
  EXPECT_EQ(plan.tunnel->peers[0].mac, *far.mac);
  EXPECT_THAT(plan.left_out, ElementsAre(HasSubstr("another node has its MAC address")));
}

TEST(Routes, NodesAreReadFromTheApisObjects) {
  const json::Value object = json::ParseJson(R"({"metadata":{"name":"b","annotations":{
        "flannel.alpha.coreos.com/backend-type":"vxlan",
        "flannel.alpha.coreos.com/backend-data":"{\"VNI\":1,\"VtepMAC\":\"0a:00:00:00:00:09\"}",
        "flannel.alpha.coreos.com/backend-v6-data":"{\"VNI\":7,\"VtepMAC\":\"0a:00:00:00:00:0a\"}"}},
      "spec":{"podCIDR":"10.1.2.0/24","podCIDRs":["10.1.2.0/24","fd10:2::/64","junk"]},
      "status":{"addresses":[{"type":"Hostname","address":"b"},{"type":"ExternalIP",
        "address":"5.6.7.8"},{"type":"InternalIP","address":"192.168.1.2"},
        {"type":"InternalIP","address":"fd01::2"}]}})")
                                 .value();
  ClusterNode wanted = Near();
  wanted.mac = netlink::ParseMac("0a:00:00:00:00:09");
  EXPECT_EQ(ReadClusterNode(object), wanted);
  EXPECT_EQ(ReadClusterNode(json::ParseJson("{}").value()), ClusterNode());
}

}  // namespace
}  // namespace keelson::proxy::routes
