// SPDX-License-Identifier: Apache-2.0
// The built-in network in a fresh network namespace that plays the host: nothing of the machine's
// own links or rules is touched.
#include "lib/os/temp_dir.h"
#include "runtime/network/bridge_network.h"
#include "runtime/network/pod_namespaces.h"
#include "runtime/network/testing/fresh_host.h"
#include "runtime/network/told_network.h"

namespace keelson::network {
namespace {

class BridgeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  BridgeConfig Config() { return {"kltest0", "10.200.7.0/24", "10.200.0.0/16", dir_.path()}; }
  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-network")).value();
};

TEST_F(BridgeTest, TwoPodsReachEachOtherAndTeardownLeavesNothing) {
  InFreshHost([&] {
    base::Result<std::unique_ptr<BridgeNetwork>> network = BridgeNetwork::Create(Config());
    ASSERT_TRUE(network.ok()) << network.error().message();
    const base::Status ready = (*network)->Ready();
    ASSERT_TRUE(ready.ok()) << ready.error().message();
    Namespaces a = std::move(MakeNamespaces({.hostname = "a"})).value();
    Namespaces b = std::move(MakeNamespaces({.hostname = "b"})).value();
    const base::Result<PodAddress> first = (*network)->Setup(Pod("aaaaaaaaaaaaaaaa", a.net.get()));
    ASSERT_TRUE(first.ok()) << first.error().message();
    const PodAddress second = (*network)->Setup(Pod("bbbbbbbbbbbbbbbb", b.net.get())).value();
    EXPECT_EQ(first->addresses[0], "10.200.7.2");
    EXPECT_EQ(second.addresses[0], "10.200.7.3");
    EXPECT_TRUE(Reaches(a.net.get(), b.net.get(), second.addresses[0]));
    EXPECT_TRUE(Reaches(a.net.get(), a.net.get(), "127.0.0.1"));
    const os::UniqueFd host = std::move(os::Open("/proc/thread-self/ns/net", O_RDONLY)).value();
    EXPECT_TRUE(Reaches(a.net.get(), host.get(), "10.200.7.1"));
    EXPECT_TRUE(Reaches(host.get(), b.net.get(), second.addresses[0]));

    // A retry after a half-made set-up gives the same address; so does another daemon.
    EXPECT_EQ(BridgeNetwork::Create(Config())
                  .value()
                  ->Setup(Pod("aaaaaaaaaaaaaaaa", std::move(MakeNamespaces({})).value().net.get()))
                  .value()
                  .addresses[0],
              "10.200.7.2");
    ASSERT_TRUE((*network)->Teardown("bbbbbbbbbbbbbbbb").ok());
    ASSERT_TRUE((*network)->Teardown("bbbbbbbbbbbbbbbb").ok());
    ASSERT_TRUE((*network)->RemoveAll().ok());
    for (const netlink::Link& link : netlink::RouteSocket::Open().value().ListLinks().value()) {
      EXPECT_TRUE(link.name == "lo" || (!link.name.starts_with("kl"))) << link.name;
    }
  });
}

TEST_F(BridgeTest, APodReachesItselfThroughAService) {
  InFreshHost([&] {
    // What a service proxy writes for a Service whose endpoint asks it.
    Say({"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-d", "10.96.0.1", "-p", "tcp", "-j",
         "DNAT", "--to-destination", "10.200.7.2"});
    Say({"iptables-nft", "-t", "nat", "-A", "POSTROUTING", "-s", "10.200.7.2", "-d", "10.200.7.2",
         "-j", "MASQUERADE"});
    const std::unique_ptr<BridgeNetwork> network = BridgeNetwork::Create(Config()).value();
    const Namespaces pod = std::move(MakeNamespaces({})).value();
    ASSERT_TRUE(network->Setup(Pod("aaaaaaaaaaaaaaaa", pod.net.get())).ok());
    const os::UniqueFd listener = Listen(pod.net.get(), "0.0.0.0", 80);
    for (const char* asked : {"0", "1"}) {  // whether bridges ask iptables, where they can
      SCOPED_TRACE(asked);
      (void)Say({"sysctl", "-w", std::string("net.bridge.bridge-nf-call-iptables=") + asked});
      EXPECT_EQ(SeenFrom(pod.net.get(), "10.96.0.1", 80, listener.get()), "10.200.7.1");
    }
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(BridgeTest, PodsThatComeAndGoDoNotChangeTheGatewaysMacAddress) {
  InFreshHost([&] {
    const auto network = BridgeNetwork::Create(Config()).value();
    ASSERT_TRUE(network->Ready().ok());
    const auto address = [] {
      const std::string text = netlink::Say({"ip", "-br", "link", "show", "kltest0"});
      const size_t at = text.find(':');
      return at == std::string::npos ? text : text.substr(at - 2, 17);
    };
    const std::string first = address();
    ASSERT_EQ(first.size(), 17u) << first;
    std::vector<Namespaces> pods;
    for (const char* id : {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"}) {
      pods.push_back(std::move(MakeNamespaces({})).value());
      ASSERT_TRUE(network->Setup(Pod(id, pods.back().net.get())).ok());
      EXPECT_EQ(address(), first);
    }
    for (const char* id : {"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"}) {
      ASSERT_TRUE(network->Teardown(id).ok());
      EXPECT_EQ(address(), first);
    }
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(BridgeTest, ASubnetThatIsToldCountsUntilItsLastPodIsGone) {
  InFreshHost([&] {
    BridgeConfig config = Config();
    config.subnet = "";
    auto network = ToldNetwork::Create(config).value();
    const Namespaces pod = MakeNamespaces({.hostname = "a"}).value();
    EXPECT_EQ(network->Ready().error().code(), base::Code::kUnavailable);
    EXPECT_FALSE(network->Setup(Pod("aaaaaaaaaaaaaaaa", pod.net.get())).ok());
    EXPECT_FALSE(network->TakeSubnet("10.200.900.0/24").ok());
    ASSERT_TRUE(network->TakeSubnet("10.200.8.0/24").ok());
    EXPECT_TRUE(network->Ready().ok());
    EXPECT_EQ(network->Setup(Pod("aaaaaaaaaaaaaaaa", pod.net.get())).value().addresses[0],
              "10.200.8.2");
    // Another daemon knows it from the record.
    network = ToldNetwork::Create(config).value();
    EXPECT_TRUE(network->Ready().ok());
    EXPECT_TRUE(network->TakeSubnet("10.200.8.0/24").ok());
    const base::Status early = network->TakeSubnet("10.200.9.0/24");
    EXPECT_EQ(early.error().code(), base::Code::kFailedPrecondition);
    ASSERT_TRUE(network->Teardown("aaaaaaaaaaaaaaaa").ok());
    ASSERT_TRUE(network->TakeSubnet("10.200.9.0/24").ok());
    EXPECT_EQ(network->Setup(Pod("aaaaaaaaaaaaaaaa", pod.net.get())).value().addresses[0],
              "10.200.9.2");
    ASSERT_TRUE(network->RemoveAll().ok());
    EXPECT_FALSE(os::Exists(dir_.path() + "/subnet"));
    // What is configured stays.
    network = ToldNetwork::Create(Config()).value();
    ASSERT_TRUE(network->TakeSubnet("10.200.9.0/24").ok());
    EXPECT_EQ(network->Setup(Pod("bbbbbbbbbbbbbbbb", pod.net.get())).value().addresses[0],
              "10.200.7.2");
    ASSERT_TRUE(network->RemoveAll().ok());
  });
}

TEST_F(BridgeTest, RulesGoInOnceBeforeADropPolicyAndComeOutWhole) {
  if (!os::Exists("/usr/sbin/iptables-nft")) GTEST_SKIP() << "needs iptables";
  InFreshHost([&] {
    const auto run = [](std::vector<std::string> argv) {
      os::SpawnOptions options;
      options.argv = std::move(argv);
      options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
      return os::RunCommand(options, "", std::chrono::seconds(60)).value().out;
    };
    // Both flavours are somebody's, both drop what is forwarded.
    for (const char* flavour : {"iptables-nft", "iptables-legacy"}) {
      run({flavour, "-P", "FORWARD", "DROP"});
      run({flavour, "-A", "FORWARD", "-j", "DROP"});
    }
    const std::string before = run({"iptables-nft", "-S"}) + run({"iptables-legacy", "-S"});
    for (int i = 0; i < 2; ++i) {
      const base::Status ready = BridgeNetwork::Create(Config()).value()->Ready();
      ASSERT_TRUE(ready.ok()) << ready.error().message();
    }
    for (const char* flavour : {"iptables-nft", "iptables-legacy"}) {
      const std::string rules = run({flavour, "-S", "FORWARD"});
      const size_t ours = rules.find("KEELSON-FWD-kltest0");
      ASSERT_NE(ours, std::string::npos) << flavour << "\n" << rules;
      EXPECT_LT(ours, rules.find("-A FORWARD -j DROP")) << rules;
      EXPECT_EQ(rules.find("KEELSON-FWD-kltest0", ours + 1), std::string::npos)
          << "twice: " << rules;
    }
    EXPECT_NE(run({"iptables-nft", "-t", "nat", "-S"}).find("MASQUERADE"), std::string::npos);
    ASSERT_TRUE(BridgeNetwork::Create(Config()).value()->RemoveAll().ok());
    EXPECT_EQ(run({"iptables-nft", "-S"}) + run({"iptables-legacy", "-S"}), before);
    EXPECT_EQ(run({"iptables-nft", "-t", "nat", "-S"}).find("KEELSON"), std::string::npos);
  });
}

TEST_F(BridgeTest, WhatAServiceProxyRefusesIsRefusedToPodsWhoeverCameFirst) {
  InFreshHost([&] {
    const auto run = [](std::vector<std::string> argv) {
      return os::RunCommand(
                 {.argv = std::move(argv), .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}, "",
                 std::chrono::seconds(60))
          .value()
          .out;
    };
    for (const char* chain : {"KUBE-SERVICES", "KUBE-FORWARD"}) {
      run({"iptables-nft", "-N", chain});
      run({"iptables-nft", "-I", "FORWARD", "-j", chain});
    }
    for (const char* when : {"came second", "was in front"}) {
      SCOPED_TRACE(when);
      ASSERT_TRUE(BridgeNetwork::Create(Config()).value()->Ready().ok());
      EXPECT_EQ(run({"iptables-nft", "-S", "FORWARD"}),
                "-P FORWARD ACCEPT\n-A FORWARD -j KUBE-FORWARD\n-A FORWARD -j KUBE-SERVICES\n"
                "-A FORWARD -m comment --comment \"keelson pods\" -j KEELSON-FWD-kltest0\n");
      run({"iptables-nft", "-D", "FORWARD", "3"});
      run({"iptables-nft", "-I", "FORWARD", "-m", "comment", "--comment", "keelson pods", "-j",
           "KEELSON-FWD-kltest0"});
    }
    ASSERT_TRUE(BridgeNetwork::Create(Config()).value()->RemoveAll().ok());
  });
}

TEST_F(BridgeTest, NamespacesGetTheirNameAndSysctlsAndStayPinned) {
  InFreshHost([&] {
    NamespaceRequest request{.hostname = "pod-7",
                             .sysctls = {{"net.ipv4.ip_unprivileged_port_start", "80"},
                                         {"kernel.shm_rmid_forced", "1"}}};
    base::Result<Namespaces> made = MakeNamespaces(request);
    ASSERT_TRUE(made.ok()) << made.error().message();
    char name[64] = {};
    std::string port;
    std::thread([&] {
      ASSERT_EQ(setns(made->net.get(), CLONE_NEWNET), 0);
      ASSERT_EQ(setns(made->uts.get(), CLONE_NEWUTS), 0);
      gethostname(name, sizeof name);
      port = os::ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start").value();
    }).join();
    EXPECT_STREQ(name, "pod-7");
    EXPECT_EQ(port, "80\n");
    const std::string pins = "/run/pins";
    ASSERT_TRUE(PrepareNamespaceDirectory(pins).ok());
    ASSERT_TRUE(PrepareNamespaceDirectory(pins).ok());
    ASSERT_TRUE(PinNamespace(made->net.get(), pins, "p").ok());
    made->net.reset();
    EXPECT_TRUE(os::Open(pins + "/p", O_RDONLY).ok());
    ASSERT_TRUE(UnpinNamespace(pins, "p").ok());
    ASSERT_TRUE(UnpinNamespace(pins, "p").ok());
    EXPECT_FALSE(os::Exists(pins + "/p"));
  });
}

}  // namespace
}  // namespace keelson::network
