// SPDX-License-Identifier: Apache-2.0
// The certificates of a node that `keelson up` brought up, with a life of half a minute: renewed
// again and again by the kubelet, followed by the proxy, and of no use once they have ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <list>
#include <set>

#include "lib/certificate/signing_request.h"
#include "lib/json/value.h"
#include "lib/kernel/netlink/testing/namespaces.h"
#include "lib/os/files.h"
#include "tests/cluster/up_fixture.h"
#include "tests/load/connection.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;

constexpr char kNode[] = "/api/v1/nodes/one";

class UpCertificatesTest : public UpFixture {
 protected:
  std::string Certificate() const {
    const Said found = Output({"find", dir_.path(), "-name", "kubelet-client-current.pem"});
    return os::ReadFile(found.text.substr(0, found.text.find('\n'))).ValueOr("");
  }
  // A connection of whoever shows `pem`, a certificate and its key.
  base::Result<load::Connection> As(const std::string& pem) {
    ASSIGN_OR_RETURN(load::Identity identity,
                     load::ReadKubeconfig(dir_.path() + "/etc/admin.kubeconfig"));
    if (!pem.empty()) identity.certificate = identity.key = pem;
    ASSIGN_OR_RETURN(load::Client client, load::Client::Make(identity, 6443, "192.0.2.50"));
    clients_.push_back(std::move(client));
    return load::Connection::Open(clients_.back());
  }
  // 0: nobody answered.
  static int CodeOf(base::Result<load::Connection>& connection) {
    if (!connection.ok()) return 0;
    const auto answer = connection->Ask("GET", kNode);
    return answer.ok() ? answer->code : 0;
  }
  int CodeFor(const std::string& pem) {
    auto connection = As(pem);
    return CodeOf(connection);
  }
  // Of the node: whether it is Ready, and since when.
  std::string Ready() {
    auto connection = As("");
    if (!connection.ok()) return connection.error().message();
    const auto answer = connection->Ask("GET", kNode);
    if (!answer.ok()) return answer.error().message();
    const json::Value node = json::ParseJson(answer->body).ValueOr({});
    for (const json::Value& one : node.At({"status", "conditions"}).items()) {
      if (one.At({"type"}).AsString() == "Ready")
        return one.At({"status"}).AsString() + " " + one.At({"lastTransitionTime"}).AsString();
    }
    return "";
  }
  static bool HasEnded(const std::string& pem) {
    const auto life = certificate::LifetimeOf(pem);
    return life.ok() && life->end < time(nullptr);
  }

  std::list<load::Client> clients_;
};

TEST_F(UpCertificatesTest, AShortLifeIsRenewedAgainAndAgainAndItsNodeStaysReady) {
  OnMachine([&] {
    const Said up = Up({"--node-certificate-life", "30"});
    ASSERT_EQ(up.code, 0) << up.text << Logs();
    const std::string first = Certificate();
    const std::string ready = Ready();
    ASSERT_THAT(ready, HasSubstr("True "));
    auto living = As(first);
    EXPECT_EQ(CodeOf(living), 200);
    EXPECT_EQ(CodeFor(first), 200);

    std::set<std::string> seen{first};
    EXPECT_TRUE(Eventually([&] {
      seen.insert(Certificate());
      return seen.size() >= 4 && HasEnded(first);
    })) << seen.size()
        << Logs();
    // What has ended lets nobody in, over a connection that was made in time neither.
    EXPECT_EQ(CodeFor(first), 401);
    EXPECT_EQ(CodeOf(living), 401);
    EXPECT_EQ(CodeFor(Certificate()), 200);
    EXPECT_EQ(Ready(), ready);

    // Whoever must connect anew does so with what it has now: kubelet and proxy.
    const supervise::ProcessStatus master = Process("master");
    ASSERT_EQ(kill(master.pid, SIGKILL), 0);
    EXPECT_TRUE(Eventually([&] {
      const supervise::ProcessStatus now = Process("master");
      return now.restarts > master.restarts && now.state == supervise::State::kRunning;
    }));
    EXPECT_TRUE(Eventually([&] { return CodeFor(Certificate()) == 200; })) << Logs();
    auto admin = As("");
    ASSERT_TRUE(admin.ok()) << admin.error().message();
    const auto made = admin->Ask(
        "POST", "/api/v1/namespaces/default/services",
        R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"late"},"spec":{"ports":[)"
        R"({"port":80}]}})");
    ASSERT_TRUE(made.ok()) << made.error().message();
    EXPECT_EQ(made->code, 201) << made->body;
    EXPECT_TRUE(Eventually([] {
      return netlink::Say({"iptables-save"}).find("default/late") != std::string::npos;
    })) << Logs();
    EXPECT_TRUE(Eventually([&] { return Status().text.find("all is well") != std::string::npos; }))
        << Status().text << Logs();
    EXPECT_EQ(Ready(), ready);
    Down();
  });
}

}  // namespace
}  // namespace keelson::cluster_test
