// SPDX-License-Identifier: Apache-2.0
// Names are answered on the node, whoever is away or started again.
#include "tests/cluster/proxy_fixture.h"

namespace keelson::cluster {
namespace {

TEST_F(ProxyTest, NamesAreAnsweredWhoeverOfTheOthersIsAway) {
  OnNode([&] {
    const std::string at = node_->At(1, 1);
    StartDns(at);
    const std::string address = MakeService();
    ASSERT_TRUE(Eventually([&] { return AskName(at) == address; })) << ProxyLog() << DnsLog();
    const std::string status =
        os::ReadFile(fmt::format("/proc/{}/status", dns_->pid())).ValueOr("");
    EXPECT_THAT(status, HasSubstr("Uid:\t65532\t65532\t65532\t65532"));
    EXPECT_THAT(status, HasSubstr("CapPrm:\t0000000000000000"));
    EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
    KillProxy();
    EXPECT_EQ(AskName(at, kWeb, 60), address);
    StartDns(at);  // kills the former
    EXPECT_TRUE(Eventually([&] { return AskName(at) == address; })) << DnsLog();
    StartProxy();
    Ask("DELETE", "/api/v1/namespaces/default/services/web");
    EXPECT_TRUE(Eventually([&] { return AskName(at).empty(); })) << ProxyLog() << DnsLog();
  });
}

TEST_F(ProxyTest, PodsAskAtTheClustersAddressWhichThisNodeHolds) {
  OnNode([&] {
    resolver_.emplace(node_->outside(), node_->At(2, 2), "192.0.2.7");
    // Somebody has the node's own port, and the cluster's address is not there yet.
    const os::UniqueFd here(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const os::UniqueFd taken = netlink::Listen(here.get(), node_->At(2, 1), 53);
    StartDns(std::string(kDns) + "," + node_->At(2, 1));
    MakeNode("b", node_->At(2, 2));
    StartProxy({"--cluster-dns", kDns});
    const std::string address = MakeService();
    ASSERT_TRUE(Eventually([&] { return AskName(kDns) == address; })) << ProxyLog() << DnsLog();
    ASSERT_TRUE(Eventually(
        [&] { return !AskName(kDns, "kube-dns.kube-system.svc.cluster.local").empty(); }));
    EXPECT_EQ(AskOnce("kube-dns.kube-system.svc.cluster.local"), kDns);
    MakeSlice(ThePod());
    ASSERT_TRUE(Eventually([&] { return LeadsToThePod(address); })) << ProxyLog();
    EXPECT_THAT(Say({"iptables-save"}), Not(HasSubstr("kube-system/kube-dns")));
    EXPECT_EQ(AskOnce("example.org"), "192.0.2.7") << DnsLog();
    KillProxy();
    EXPECT_EQ(AskOnce(), address);
    StartProxy({"--cluster-dns", kDns});
    // All the time until it has caught up.
    SetEndpoints("[]");
    EXPECT_TRUE(Eventually([&] {
      EXPECT_EQ(AskOnce(), address);
      return Connects(address, 80) == ECONNREFUSED;
    })) << ProxyLog();
    EXPECT_EQ(AskOnce("example.org"), "192.0.2.7") << DnsLog();
  });
}

TEST_F(ProxyTest, PodsOfOtherProxiesAskByTheServiceThatLeadsToOurNodes) {
  OnNode([&] {
    MakeNode("a", node_->At(2, 1));
    const std::string address = MakeService();
    EXPECT_TRUE(Eventually([&] {
      return Say({"iptables-save"}).find(node_->At(2, 1) + ":53") != std::string::npos;
    })) << ProxyLog();
    StartDns(node_->At(2, 1));
    EXPECT_TRUE(Eventually([&] { return AskName(kDns) == address; })) << ProxyLog() << DnsLog();
    Ask("DELETE", "/api/v1/nodes/a");
    EXPECT_TRUE(Eventually([&] {
      return Say({"iptables-save"}).find(node_->At(2, 1) + ":53") == std::string::npos;
    })) << ProxyLog();
  });
}

TEST_F(ProxyTest, QuestionsWaitWhileTheNameServerIsStartedAgain) {
  OnNode([&] {
    KillProxy();
    StartProxy({"--cluster-dns", kDns});
    StartDns(kDns);
    const std::string address = MakeService();
    ASSERT_TRUE(Eventually([&] { return AskName(kDns) == address; })) << ProxyLog() << DnsLog();
    const auto killed_while_asked = [&](const char* what) {
      SCOPED_TRACE(what);
      ASSERT_TRUE(Eventually([&] { return ProxyLog().find("are kept for") != std::string::npos; }))
          << ProxyLog() << DnsLog();
      ASSERT_TRUE(dns_->Signal(SIGKILL).ok());
      ASSERT_TRUE(dns_->Wait().ok());
      std::vector<std::string> answers(20);
      std::vector<std::thread> pods;
      for (std::string& answer : answers) pods.emplace_back([&] { answer = AskOnce(); });
      StartDns(kDns);
      for (std::thread& pod : pods) pod.join();
      EXPECT_THAT(answers, ::testing::Each(address)) << ProxyLog() << DnsLog();
    };
    killed_while_asked("as they were started");
    killed_while_asked("once more");
    // A new proxy is given what the name server serves.
    KillProxy();
    ASSERT_TRUE(os::RemoveFile(dir_->path() + "/proxy.log").ok());
    StartProxy({"--cluster-dns", kDns});
    killed_while_asked("after another proxy came");
  });
}

}  // namespace
}  // namespace keelson::cluster
