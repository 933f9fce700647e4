// SPDX-License-Identifier: Apache-2.0
// The proxy as a process: its rights, its ports, what it tells of itself, and what is left of it.
#include "tests/cluster/proxy_fixture.h"

namespace keelson::cluster {
namespace {

// docs/security.md says what each may keep; UpTest compares it for all daemons.
TEST_F(ProxyTest, BothWorkWithTheRightsThatTheyKeepAndWithFilesOfSomebodyElse) {
  OnNode([&] {
    const std::string address = MakeService();
    MakeSlice(ThePod());
    KillProxy();
    master_->Kill();
    EXPECT_EQ(Say({"chown", "-R", "65533:65533", master_->state_dir(), master_->kubeconfig()}), "");
    const auto restarted = master_->Restart();
    ASSERT_TRUE(restarted.ok()) << restarted.error().message();
    const auto status = [](pid_t pid) {
      return os::ReadFile(fmt::format("/proc/{}/status", pid)).ValueOr("");
    };
    EXPECT_THAT(status(master_->pid()), HasSubstr("CapBnd:\t000000000000040b\n"));
    EXPECT_THAT(status(master_->pid()), HasSubstr("NoNewPrivs:\t1\n"));
    EXPECT_EQ(Say({"chown", "65533:65533", master_->kubeconfig()}), "");  // it was written anew
    for (const char* flavour : {"nft", "legacy"}) {
      SCOPED_TRACE(flavour);
      StartProxy({"--iptables", flavour});
      EXPECT_TRUE(Eventually([&] { return LeadsToThePod(address); })) << ProxyLog();
      const std::string save = fmt::format("iptables-{}-save", flavour);
      EXPECT_THAT(Say({save}), HasSubstr("default/web"));
      EXPECT_THAT(status(proxy_->pid()), HasSubstr("CapBnd:\t0000000000013405\n"));
      EXPECT_THAT(status(proxy_->pid()), HasSubstr("CapEff:\t0000000000013405\n"));
      EXPECT_THAT(status(proxy_->pid()), HasSubstr("NoNewPrivs:\t1\n"));
      KillProxy();
      const auto done = os::RunCommand({.argv = ProxyCommand({"--cleanup", "--iptables", flavour}),
                                        .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}},
                                       "", std::chrono::minutes(2));
      ASSERT_TRUE(done.ok());
      EXPECT_EQ(done->status.code(), 0) << done->err;
      EXPECT_THAT(Say({save}), Not(HasSubstr("KUBE-")));
    }
  });
}

TEST_F(ProxyTest, RulesDoNotWaitForAPortThatSomebodyHas) {
  OnNode([&] {
    KillProxy();
    std::vector<os::UniqueFd> taken;
    const os::UniqueFd here(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    // A child that the proxy had at its end may keep its ports for a moment.
    for (const uint16_t port : {10256, 10249})
      EXPECT_TRUE(Eventually([&] {
        netlink::SocketAddress where("127.0.0.1", port);
        os::UniqueFd listener = netlink::OpenSocket(here.get(), where);
        if (bind(listener.get(), where.get(), where.size) != 0 || listen(listener.get(), 8) != 0)
          return false;
        taken.push_back(std::move(listener));
        return true;
      }));
    StartProxy();
    const std::string address = MakeService();
    EXPECT_TRUE(Eventually([&] { return Connects(address, 80) == ECONNREFUSED; })) << ProxyLog();
    taken.clear();
    EXPECT_TRUE(Eventually([] { return Get(10256, "/livez").find("200 OK") != std::string::npos; }))
        << ProxyLog();
    EXPECT_TRUE(Eventually([] {
      return Get(10249, "/metrics").find("200 OK") != std::string::npos;
    })) << ProxyLog();
  });
}

TEST_F(ProxyTest, MetricsSayWhatWasWritten) {
  OnNode([&] {
    MakeService();
    MakeSlice(ThePod());
    const auto figures = [] { return Get(10249, "/metrics"); };
    EXPECT_TRUE(Eventually([&] {
      return figures().find("kubeproxy_sync_proxy_rules_iptables_total{table=\"nat\"}") !=
             std::string::npos;
    })) << figures();
    EXPECT_THAT(Get(10256, "/livez"), HasSubstr("200 OK"));
    const std::string text = figures();
    for (const char* one :
         {"kubeproxy_network_programming_duration_seconds_count",
          "kubeproxy_sync_full_proxy_rules_duration_seconds_count",
          "kubeproxy_sync_partial_proxy_rules_duration_seconds_count",
          "kubeproxy_sync_proxy_rules_endpoint_changes_pending",
          "kubeproxy_sync_proxy_rules_endpoint_changes_total",
          "kubeproxy_sync_proxy_rules_iptables_last{table=\"filter\"}",
          "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total 0",
          "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
          "kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy=\"internal\"} 0",
          "kubeproxy_sync_proxy_rules_service_changes_total",
          "kubeproxy_proxy_livez_total{code=\"200\"} 1",
          "kubeproxy_conntrack_reconciler_sync_duration_seconds_count",
          "kubeproxy_conntrack_reconciler_deleted_entries_total"})
      EXPECT_THAT(text, HasSubstr(one));
    EXPECT_THAT(Get(10249, "/configz"), HasSubstr(R"({"kubeproxy.config.k8s.io":{"apiVersion":)"));
    EXPECT_THAT(Get(10249, "/proxyMode"), HasSubstr("iptables"));
  });
}

TEST_F(ProxyTest, CleanupTakesEveryRuleAndAddressAway) {
  OnNode([&] {
    StartProxy({"--cluster-dns", kDns});
    const auto links = [] { return Say({"ip", "link"}); };
    EXPECT_TRUE(Eventually([&] { return links().find("keelson-dns") != std::string::npos; }));
    MakeService();
    ASSERT_TRUE(Eventually(
        [&] { return Say({"iptables-save"}).find("default/web") != std::string::npos; }));
    ASSERT_TRUE(proxy_->Signal(SIGTERM).ok());
    ASSERT_TRUE(proxy_->WaitFor(std::chrono::minutes(1)).ValueOr(std::nullopt).has_value())
        << ProxyLog();
    CleanUp();
  });
}

TEST_F(ProxyTest, CleanupTakesAllAwayOfAProxyThatWasKilledWhileItWrote) {
  OnNode([&] {
    const auto ask = [&](const std::string& name, const std::string& address) {
      Ask("POST", "/api/v1/nodes",
          R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + name +
              R"("},"spec":{"podCIDR":"10.77.0.0/24","podCIDRs":["10.77.0.0/24"]},)"
              R"("status":{"addresses":[{"type":"InternalIP","address":")" +
              address + R"("}]}})");
    };
    ask("b", node_->At(2, 2));
    for (int round = 0; round < 6; ++round) {
      SCOPED_TRACE(round);
      StartProxy({"--cluster-dns", kDns});
      // So many are written that some are while it is killed.
      for (int i = 0; i < 30; ++i)
        Ask("POST", "/api/v1/namespaces/default/services",
            fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"s{}-{}"}},)"
                        R"("spec":{{"type":"NodePort","ports":[{{"port":80}}]}}}})",
                        round, i));
      const std::string last = fmt::format("default/s{}-{}", round, 5 * round);
      ASSERT_TRUE(Eventually([&] {
        return Say({"iptables-save"}).find(last) != std::string::npos;
      })) << ProxyLog();
      ASSERT_TRUE(Eventually([&] { return !Say({"ip", "route", "show", "proto", "75"}).empty(); }))
          << ProxyLog();
      KillProxy();
      CleanUp();
    }
  });
}

}  // namespace
}  // namespace keelson::cluster
