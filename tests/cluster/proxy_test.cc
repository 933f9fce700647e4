// SPDX-License-Identifier: Apache-2.0
// What the API says becomes true for packets, whoever is away for a while.
#include "tests/cluster/proxy_fixture.h"

namespace keelson::cluster {
namespace {

TEST_F(ProxyTest, AServiceLeadsToItsEndpointsAsTheyComeAndGo) {
  OnNode([&] {
    const std::string address = MakeService("NodePort");
    EXPECT_TRUE(Eventually([&] { return Connects(address, 80) == ECONNREFUSED; })) << ProxyLog();
    MakeSlice(ThePod());
    EXPECT_TRUE(Eventually([&] {
      return node_->PodSees(node_->outside(), address, 80) == node_->At(1, 1);
    })) << ProxyLog();
    EXPECT_TRUE(Eventually([&] {
      return node_->PodSees(node_->outside(), node_->At(2, 1), node_port_) == node_->At(1, 1);
    })) << ProxyLog();
    SetEndpoints("[]");
    EXPECT_TRUE(Eventually([&] { return Connects(address, 80) == ECONNREFUSED; })) << ProxyLog();
    Ask("DELETE", "/api/v1/namespaces/default/services/web");
    EXPECT_TRUE(Eventually(
        [&] { return Say({"iptables-save"}).find("default/web") == std::string::npos; }));
  });
}

TEST_F(ProxyTest, AProxyThatIsKilledCutsNobodyOffAndCatchesUp) {
  OnNode([&] {
    const std::string address = MakeService();
    MakeSlice(ThePod());
    ASSERT_TRUE(Eventually([&] { return LeadsToThePod(address); })) << ProxyLog();
    KillProxy();
    EXPECT_TRUE(Eventually([&] { return LeadsToThePod(address); }));
    SetEndpoints("[]");
    StartProxy();
    EXPECT_TRUE(Eventually([&] { return Connects(address, 80) == ECONNREFUSED; })) << ProxyLog();
  });
}

TEST_F(ProxyTest, AMasterThatIsAwayChangesNothingAndIsFollowedAgain) {
  OnNode([&] {
    const std::string address = MakeService();
    MakeSlice(ThePod());
    ASSERT_TRUE(Eventually([&] { return LeadsToThePod(address); })) << ProxyLog();
    master_->Kill();
    EXPECT_TRUE(Eventually([&] { return LeadsToThePod(address); }));
    const auto restarted = master_->Restart();
    ASSERT_TRUE(restarted.ok()) << restarted.error().message();
    SetEndpoints("[]");
    EXPECT_TRUE(Eventually([&] { return Connects(address, 80) == ECONNREFUSED; })) << ProxyLog();
  });
}

TEST_F(ProxyTest, PodsOfNodesThatComeAreReachedAndOfThoseThatGoNoMore) {
  OnNode([&] {
    const std::string routes = "/api/v1/nodes";
    Ask("POST", routes,
        R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"b"},"spec":{"podCIDR":"10.77.0.0/24",)"
        R"("podCIDRs":["10.77.0.0/24"]},"status":{"addresses":[{"type":"InternalIP","address":")" +
            node_->At(2, 2) + R"("}]}})");
    const auto route = [] { return Say({"ip", "route", "show", "proto", "75"}); };
    EXPECT_TRUE(Eventually([&] {
      return route().find("10.77.0.0/24 via " + node_->At(2, 2)) != std::string::npos;
    })) << ProxyLog();
    KillProxy();
    EXPECT_THAT(route(), HasSubstr("10.77.0.0/24"));
    Ask("DELETE", routes + "/b");
    StartProxy();
    EXPECT_TRUE(Eventually([&] { return route().empty(); })) << ProxyLog();
  });
}

TEST_F(ProxyTest, TheNodeForwardsAndRemembersConnectionsLongEnough) {
  OnNode([&] {
    KillProxy();
    const std::string forward = "/proc/sys/net/ipv4/ip_forward";
    const std::string memory = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait";
    const std::string longer = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established";
    ASSERT_TRUE(os::WriteControl(AT_FDCWD, forward, "0").ok());
    const bool tracks = os::WriteControl(AT_FDCWD, longer, "500000").ok();
    StartProxy();
    EXPECT_TRUE(Eventually([&] { return os::ReadFile(forward).ValueOr("") == "1\n"; }))
        << ProxyLog();
    if (!tracks) return;  // this kernel has no such settings
    EXPECT_TRUE(Eventually([&] { return os::ReadFile(memory).ValueOr("") == "3600\n"; }))
        << ProxyLog();
    EXPECT_EQ(os::ReadFile(longer).ValueOr(""), "500000\n");
  });
}

}  // namespace
}  // namespace keelson::cluster
