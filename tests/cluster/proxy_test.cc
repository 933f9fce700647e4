// SPDX-License-Identifier: Apache-2.0
// keelson-master and keelson-proxy as processes on a small node of the test: what is written to the
// API becomes true for packets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/json/value.h"
#include "lib/kernel/netlink/testing/small_node.h"
#include "lib/os/temp_dir.h"
#include "tests/cluster/resolver.h"
#include "tests/load/master_process.h"

namespace keelson {
namespace {

using netlink::Say;
using ::testing::HasSubstr;
using ::testing::Not;

class ProxyTest : public ::testing::Test {
 protected:
  // Everything on a thread that has left the machine's network.
  void OnNode(const std::function<void()>& work) {
    netlink::InFreshHost([&] {
      node_.emplace(false);
      dir_.emplace(os::TempDir::Create("keelson-proxy").value());
      // Nodes of the tests have no kubelet that would tell of them.
      auto master = load::MasterProcess::Start(
          {.dir = dir_->path(), .extra = {"--node-monitor-grace-period", "100000"}, .port = 6443});
      ASSERT_TRUE(master.ok()) << master.error().message();
      master_.emplace(*std::move(master));
      StartProxy();
      work();
      resolver_.reset();
      dns_.reset();
      proxy_.reset();
      master_.reset();
    });
  }

  void StartProxy(const std::vector<std::string>& more = {}) {
    proxy_.reset();
    std::vector<std::string> options = {
        "--healthz-bind-address", "127.0.0.1:10256", "--zone-file", ZoneFile(), "--routes", "auto"};
    options.insert(options.end(), more.begin(), more.end());
    const os::UniqueFd log(open((dir_->path() + "/proxy.log").c_str(),
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto child = os::ChildProcess::Spawn({.argv = ProxyCommand(options),
                                          .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                          .fds = {{log.get(), 1}, {log.get(), 2}}});
    ASSERT_TRUE(child.ok()) << child.error().message();
    proxy_.emplace(*std::move(child));
  }
  std::vector<std::string> ProxyCommand(std::vector<std::string> more) {
    std::vector<std::string> argv = {base::BinDir() + "/keelson-proxy",
                                     "--kubeconfig",
                                     master_->kubeconfig(),
                                     "--hostname-override",
                                     "a",
                                     "--cluster-cidr",
                                     node_->pods(),
                                     "--metrics-bind-address",
                                     "127.0.0.1:10249"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  std::string ZoneFile() const { return dir_->path() + "/names/zone.json"; }
  // At these addresses; names of elsewhere are asked of the machine outside.
  void StartDns(const std::string& at) {
    dns_.reset();
    ASSERT_TRUE(
        os::WriteFileAtomic(ResolvConf(), "nameserver " + node_->At(2, 2) + "\n", 0644).ok());
    const os::UniqueFd log(
        open((dir_->path() + "/dns.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto child =
        os::ChildProcess::Spawn({.argv = {base::BinDir() + "/keelson-dns", "--listen", at,
                                          "--zone-file", ZoneFile(), "--resolv-conf", ResolvConf()},
                                 .env = {"PATH=/usr/bin:/bin"},
                                 .fds = {{log.get(), 1}, {log.get(), 2}}});
    ASSERT_TRUE(child.ok()) << child.error().message();
    dns_.emplace(*std::move(child));
  }
  // On the fresh host's own /run, where a process without rights finds it.
  static std::string ResolvConf() { return "/run/resolv.conf"; }
  // The pod asks at `server` for a name's address; the last four bytes of the answer, as text.
  std::string AskName(const std::string& server, const std::string& name = kWeb,
                      time_t seconds = 2) {
    netlink::SocketAddress where(server, 53);
    const os::UniqueFd client = netlink::OpenSocket(node_->pod(), where, SOCK_DGRAM);
    const timeval limit{seconds, 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string question("\0\7\1\0\0\1\0\0\0\0\0\0", 12);
    for (const std::string_view label : base::Split(std::string_view(name), '.'))
      question.append(1, static_cast<char>(label.size())).append(label);
    question.append("\0\0\1\0\1", 5);
    if (connect(client.get(), where.get(), where.size) != 0 ||
        send(client.get(), question.data(), question.size(), 0) < 0)
      return "";
    unsigned char answer[512];
    const ssize_t got = recv(client.get(), answer, sizeof answer, 0);
    if (got < 16 || (answer[3] & 15) != 0 || answer[7] != 1) return "";
    const unsigned char* end = answer + got;
    return fmt::format("{}.{}.{}.{}", end[-4], end[-3], end[-2], end[-1]);
  }
  // Nobody is to ask twice: it waits for as long as an answer can take.
  std::string AskOnce(const std::string& name = kWeb) { return AskName(kDns, name, 60); }
  // A node that says that it answers names at `address`.
  void MakeNode(const std::string& name, const std::string& address) {
    Ask("POST", "/api/v1/nodes",
        R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + name +
            R"(","labels":{"keelson.io/dns":"true"}},"status":{"addresses":[{"type":"InternalIP",)"
            R"("address":")" +
            address + R"("}],"conditions":[{"type":"Ready","status":"True"}]}})");
  }
  void KillProxy() {
    ASSERT_TRUE(proxy_->Signal(SIGKILL).ok());
    ASSERT_TRUE(proxy_->Wait().ok());
  }

  json::Value Ask(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& type = "application/json") {
    auto connection = load::Connection::Open(*master_->client());
    EXPECT_TRUE(connection.ok());
    const auto answer = connection->Ask(method, path, body, type);
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_LT(answer->code, 300) << answer->body;
    return json::ParseJson(answer->body).ValueOr(json::Value());
  }
  // Its address.
  std::string MakeService(const std::string& type = "ClusterIP") {
    const json::Value made =
        Ask("POST", "/api/v1/namespaces/default/services",
            R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"type":")" +
                type + R"(","ports":[{"port":80}]}})");
    node_port_ =
        made.At({"spec", "ports"}).items().empty()
            ? 0
            : static_cast<uint16_t>(made.At({"spec", "ports"}).items()[0].At({"nodePort"}).AsInt());
    return made.At({"spec", "clusterIP"}).AsString();
  }
  void MakeSlice(const std::string& endpoints) {
    Ask("POST", kSlices,
        R"({"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web-1",)"
        R"("labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4",)"
        R"("ports":[{"name":"","port":8080,"protocol":"TCP"}],"endpoints":)" +
            endpoints + "}");
  }
  void SetEndpoints(const std::string& endpoints) {
    Ask("PATCH", std::string(kSlices) + "/web-1", R"({"endpoints":)" + endpoints + "}",
        "application/merge-patch+json");
  }
  std::string ThePod() const {
    return R"([{"addresses":[")" + node_->At(1, 2) + R"("],"nodeName":"a"}])";
  }

  // --cleanup, after which there is nothing of the proxy.
  void CleanUp() {
    const auto done = os::RunCommand(
        {.argv = ProxyCommand({"--cleanup"}), .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}, "",
        std::chrono::minutes(2));
    ASSERT_TRUE(done.ok());
    EXPECT_EQ(done->status.code(), 0) << done->err;
    for (const char* save : {"iptables-save", "ip6tables-save"}) {
      EXPECT_THAT(Say({save}), Not(HasSubstr("KUBE-")));
      EXPECT_THAT(Say({save}), Not(HasSubstr("KEELSON")));
    }
    EXPECT_THAT(Say({"ip", "link"}), Not(HasSubstr("keelson")));
    EXPECT_EQ(Say({"ip", "route", "show", "proto", "75"}), "");
  }

  bool Eventually(const std::function<bool()>& good) {
    // An emulated machine takes its time.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(4);
    while (std::chrono::steady_clock::now() < deadline) {
      if (good()) return true;
      poll(nullptr, 0, 20);
    }
    return good();
  }
  // What connecting from outside comes to.
  int Connects(const std::string& address, uint16_t port) {
    netlink::SocketAddress where(address, port);
    const os::UniqueFd client = netlink::OpenSocket(node_->outside(), where);
    return connect(client.get(), where.get(), where.size) == 0 ? 0 : errno;
  }
  // What the proxy answers, with its headers; "" if nobody listens.
  static std::string Get(uint16_t port, const std::string& path) {
    netlink::SocketAddress where("127.0.0.1", port);
    const os::UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), where.get(), where.size) != 0) return "";
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    if (!os::WriteAll(client.get(), request).ok()) return "";
    return os::ReadAll(client.get()).ValueOr("");
  }
  bool LeadsToThePod(const std::string& address) {
    return !node_->PodSees(node_->outside(), address, 80).empty();
  }
  std::string DnsLog() { return os::ReadFile(dir_->path() + "/dns.log").ValueOr(""); }
  std::string ProxyLog() { return os::ReadFile(dir_->path() + "/proxy.log").ValueOr(""); }

  static constexpr char kDns[] = "10.43.0.10";
  static constexpr char kWeb[] = "web.default.svc.cluster.local";
  static constexpr char kSlices[] = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  std::optional<netlink::SmallNode> node_;
  std::optional<os::TempDir> dir_;
  std::optional<load::MasterProcess> master_;
  std::optional<os::ChildProcess> proxy_, dns_;
  std::optional<cluster::Resolver> resolver_;
  uint16_t node_port_ = 0;
};

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
}  // namespace keelson
