// SPDX-License-Identifier: Apache-2.0
// keelson-master, keelson-proxy and keelson-dns as processes on a small node of the test, a pod of
// it and a machine outside: what is written to the API becomes true for packets. For tests.
#pragma once

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

namespace keelson::cluster {

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
  std::optional<Resolver> resolver_;
  uint16_t node_port_ = 0;
};

}  // namespace keelson::cluster
