// SPDX-License-Identifier: Apache-2.0
// Against a kubelet of the test's own: a TLS server on loopback that says who asks for what.
#include "minimal-master/node/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "lib/http/service/server.h"
#include "lib/http/service/test_client.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/pki/certificate.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::node {
namespace {

using service::Exchange;
using service::RawClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class NodesTest : public testing::Test {
 protected:
  NodesTest() {
    // A certificate's times are the machine's.
    now_ = std::time(nullptr);
    authority_.emplace(*pki::Authority::Create("kubernetes", now_ - 60, now_ + 86400));
    cache_ = *watch::Cache::Open(store_, reader_, clock_, {});
    const auto [serving, serving_key] = Issue("system:node:n", false);
    kubelet_ = std::make_unique<service::Server>(
        service::ServerOptions{}, [](std::shared_ptr<Exchange> exchange) { Answer(exchange); });
    EXPECT_TRUE(kubelet_->SetTls({serving, serving_key, authority_->pem()}).ok());
    port_ = *kubelet_->ListenTls("127.0.0.1:0");
    Put("minions/n", fmt::format(R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n"}},
        "status":{{"addresses":[{{"type":"InternalIP","address":"127.0.0.1"}}],
        "daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}}}}}})",
                                 port_));
    Put("pods/e/p", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"e"},
        "spec":{"nodeName":"n","containers":[{"name":"c"}]}})");
    nodes_ =
        *Nodes::Start(*cache_, {.kubelet_authority = authority_->pem(),
                                .authorize = [this](const api::Route& route) -> status::Or<bool> {
                                  if (may_create_ || route.verb != "create") return true;
                                  return status::Forbidden({"", "pods"}, route.name, "no create");
                                },
                                .may_proxy = [](const std::string&) { return true; }});
    const auto [client, client_key] = Issue("kube-apiserver-kubelet-client", true);
    EXPECT_TRUE(nodes_->SetCertificate(client, client_key).ok());
    front_ = std::make_unique<service::Server>(
        service::ServerOptions{}, [this](std::shared_ptr<Exchange> exchange) {
          const api::Route route = api::RouteOf(exchange->request());
          nodes_->Connect(std::move(exchange), route);
        });
    front_port_ = *front_->ListenPlain("127.0.0.1:0");
  }
  std::pair<std::string, std::string> Issue(const std::string& name, bool client) {
    const pki::Key key = *pki::Key::Generate();
    pki::Profile profile;
    profile.names.common_name = name;
    if (client) profile.names.organizations = {"system:masters"};
    profile.names.ips = {"127.0.0.1"};
    profile.not_before = now_ - 60;
    profile.not_after = now_ + 3600;
    profile.client = client;
    profile.server = !client;
    return {*authority_->Issue(key, profile), key.PrivatePem()};
  }
  void Put(const std::string& key, const std::string& value) {
    const base::Result<json::Value> object = json::ParseJson(value);
    ASSERT_TRUE(object.ok());
    ASSERT_TRUE(static_cast<store::Store&>(store_)
                    .Commit({{"/registry/" + key, store::Bytes::Copy(json::WriteJson(*object))}})
                    .ok());
  }
  static void Answer(const std::shared_ptr<Exchange>& exchange) {
    const service::Request& request = exchange->request();
    if (service::FindHeader(request.headers, "upgrade") != nullptr &&
        request.path.starts_with("/exec/")) {
      const auto tunnel =
          exchange->Upgrade({{"Connection", "Upgrade"},
                             {"Upgrade", *service::FindHeader(request.headers, "upgrade")},
                             {"Sec-WebSocket-Protocol", "v5.channel.k8s.io"}});
      ASSERT_TRUE(tunnel.ok());
      (*tunnel)->OnData([there = *tunnel](std::string_view bytes) {
        if (bytes.empty()) return there->Close();
        (void)there->Send({service::Buffer("got " + std::string(bytes))});
      });
      return;
    }
    if (request.path == "/containerLogs/e/waiting/c")
      return exchange->Respond(400, {}, std::string("container \"c\" is waiting to start"));
    std::string text = fmt::format("{} {} for {} [{}]", request.method, request.target,
                                   request.peer ? request.peer->common_name : "-", request.body);
    for (const char* name : {"authorization", "impersonate-user", "x-own", "x-forwarded-for"}) {
      const std::string* value = service::FindHeader(request.headers, name);
      if (value != nullptr) text += fmt::format(" {}={}", name, *value);
    }
    exchange->Begin(200, {{"Content-Type", "application/x"}});
    (void)exchange->Write(service::Buffer(std::move(text)));
    exchange->End();
  }
  std::string Ask(const std::string& method, const std::string& path,
                  const std::string& headers = "") {
    RawClient client(front_port_);
    client.Send(fmt::format("{} /api/v1/{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
                            method, path, headers));
    return client.ReceiveAll();
  }

  int64_t now_ = 0;
  std::optional<pki::Authority> authority_;
  base::SystemClock clock_;
  store::MemoryStore store_;
  api::Reader reader_;
  std::unique_ptr<watch::Cache> cache_;
  std::unique_ptr<service::Server> kubelet_;
  int port_ = 0;
  std::atomic<bool> may_create_{true};
  std::unique_ptr<Nodes> nodes_;
  std::unique_ptr<service::Server> front_;
  int front_port_ = 0;
};

TEST_F(NodesTest, LogsComeFromTheKubeletThatIsShownOurCertificate) {
  const std::string log = Ask("GET", "namespaces/e/pods/p/log?tailLines=5",
                              "Authorization: Bearer secret\r\nX-Own: 1\r\n");
  EXPECT_THAT(log, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(log, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(log, HasSubstr("GET /containerLogs/e/p/c?tailLines=5 for "
                             "kube-apiserver-kubelet-client []"));
  EXPECT_THAT(log, testing::Not(HasSubstr("secret")));
}

TEST_F(NodesTest, WhatTheKubeletRefusesIsToldAsUpstreamDoes) {
  Put("pods/e/waiting", R"({"metadata":{"name":"waiting","namespace":"e"},"spec":{"nodeName":"n",
      "containers":[{"name":"c"}]}})");
  const std::string answer = Ask("GET", "namespaces/e/pods/waiting/log");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer, HasSubstr(R"("message":"container \"c\" is waiting to start")"));
  kubelet_->Stop();
  kubelet_.reset();
  EXPECT_THAT(Ask("GET", "namespaces/e/pods/p/log"),
              HasSubstr(fmt::format("Get \\\"https://127.0.0.1:{0}/containerLogs/e/p/c\\\": dial "
                                    "tcp 127.0.0.1:{0}: connect: connection refused",
                                    port_)));
  EXPECT_THAT(Ask("POST", "namespaces/e/pods/p/exec?command=a", "Upgrade: SPDY/3.1\r\n"),
              testing::Not(HasSubstr("101")));
  RawClient client(front_port_);
  client.Send(
      "POST /api/v1/namespaces/e/pods/p/exec?command=a HTTP/1.1\r\nHost: a\r\nConnection: "
      "Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
  ASSERT_TRUE(client.ReceiveUntil("connection refused"));
  EXPECT_THAT(client.received, HasSubstr("error dialing backend: dial tcp 127.0.0.1:"));
  EXPECT_THAT(Ask("GET", "nodes/n/proxy/x"),
              HasSubstr("error trying to reach service: dial tcp 127.0.0.1:"));
}

TEST_F(NodesTest, StreamsAreTunnelsOfBytes) {
  for (const char* protocol : {"SPDY/3.1", "websocket"}) {
    RawClient client(front_port_);
    client.Send(fmt::format(
        "GET /api/v1/namespaces/e/pods/p/exec?command=a&stdout=1 HTTP/1.1\r\nHost: a\r\n"
        "Connection: Upgrade\r\nUpgrade: {}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n",
        protocol));
    ASSERT_TRUE(client.ReceiveUntil("\r\n\r\n"));
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 101 "));
    EXPECT_THAT(client.received, HasSubstr(fmt::format("Upgrade: {}\r\n", protocol)));
    EXPECT_THAT(client.received, HasSubstr("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
    client.Send("hello");
    EXPECT_TRUE(client.ReceiveUntil("got hello"));
  }
}

TEST_F(NodesTest, AStreamIsMadeByWhoMayCreateAndAsksForAnUpgrade) {
  EXPECT_THAT(Ask("POST", "namespaces/e/pods/p/exec?command=a"),
              HasSubstr("Upgrade request required"));
  may_create_ = false;
  EXPECT_THAT(Ask("GET", "namespaces/e/pods/p/attach"), StartsWith("HTTP/1.1 403 "));
}

TEST_F(NodesTest, ProxiesPassOnWhatIsNobodysSecret) {
  const std::string answer =
      Ask("PUT", "nodes/n/proxy/a%2Fb?c=d",
          "Authorization: Bearer secret\r\nImpersonate-User: x\r\nX-Own: 1\r\nX-Forwarded-For: "
          "192.0.2.1\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(answer, HasSubstr("PUT /a%2Fb?c=d for kube-apiserver-kubelet-client [body] x-own=1 "
                                "x-forwarded-for=192.0.2.1, 127.0.0.1"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/x\r\n"));
  EXPECT_THAT(Ask("GET", "nodes/n/proxy?x=y"),
              HasSubstr("Location: /api/v1/nodes/n/proxy/?x=y\r\n"));
  EXPECT_THAT(Ask("HEAD", "nodes/n/proxy/"), EndsWith("\r\n\r\n"));
}

}  // namespace
}  // namespace keelson::node
