// SPDX-License-Identifier: Apache-2.0
// The server over TLS, a streaming server behind it, and a front that hands on as an API server
// does.
#include "kubelet/node_api/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node_api/fake_reviews.h"
#include "kubelet/node_api/read_only.h"
#include "kubelet/server/fake_node_view.h"
#include "lib/base/strings.h"
#include "lib/http/client/client.h"
#include "lib/http/service/test_client.h"
#include "lib/http/service/test_pki.h"

namespace keelson::node_api {
namespace {

using service::Buffer;
using service::Exchange;
using service::RawClient;
using service::TestPki;
using testing::HasSubstr;

// A runtime's: says 101 and echoes; tells what it was asked.
class StreamingServer {
 public:
  StreamingServer() : server_({.max_queued_bytes = 64 << 10}, [this](auto e) { Answer(e); }) {
    port = server_.ListenPlain("127.0.0.1:0").value();
  }
  int port = 0;
  service::Count ended;

 private:
  void Answer(const std::shared_ptr<Exchange>& exchange) {
    const service::Request& request = exchange->request();
    if (request.path == "/gone") return exchange->Respond(404, {}, std::string("no such session"));
    if (request.path == "/plain") return exchange->Respond(200, {}, std::string("no session"));
    const std::string* upgrade = service::FindHeader(request.headers, "upgrade");
    const bool secret = service::FindHeader(request.headers, "authorization") != nullptr;
    auto tunnel = exchange->Upgrade(
        {{"Connection", "Upgrade"}, {"Upgrade", upgrade == nullptr ? "" : *upgrade}});
    ASSERT_TRUE(tunnel.ok());
    const auto there = *tunnel;
    there->OnClosed([this] { ended.Add(); });
    (void)there->Send({Buffer(
        fmt::format("{} {}{};", request.method, request.target, secret ? " with a secret" : ""))});
    there->OnData([there](std::string_view bytes) {
      if (bytes.empty()) return there->Close();
      (void)there->Send({Buffer(std::string(bytes))});
    });
  }
  service::Server server_;
};

class FakeStreams final : public Streams {
 public:
  explicit FakeStreams(int port) : port_(port) {}
  base::Result<std::string> Exec(const PodRef& pod, const std::string& container,
                                 const std::vector<std::string>& command,
                                 const Wanted& wanted) override {
    return Url(fmt::format("/exec?{}/{}/{}/{}{}", pod.ns, pod.name, container,
                           base::Join(command, "+"), wanted.in ? "/in" : ""),
               pod, command);
  }
  base::Result<std::string> Attach(const PodRef& pod, const std::string& container,
                                   const Wanted&) override {
    return Url("/attach?" + container, pod, {});
  }
  base::Result<std::string> PortForward(const PodRef& pod, const std::vector<int32_t>&) override {
    return Url("/portforward?" + pod.name, pod, {});
  }
  base::Result<std::string> Run(const PodRef& pod, const std::string& container,
                                const std::vector<std::string>& command) override {
    if (pod.name == "nobody") return base::NotFound("pod does not exist");
    if (command[0] == "false") return base::FailedPrecondition("command 'false' exited with 1: ");
    return container + ": " + base::Join(command, "+") + "\n";
  }
  base::Result<std::string> Checkpoint(const PodRef& pod, const std::string&,
                                       const std::string& folder,
                                       std::chrono::seconds timeout) override {
    if (pod.name == "nobody") return base::NotFound("pod does not exist");
    if (pod.name == "web") return base::Unimplemented("CheckpointContainer");
    return fmt::format("{}/a.tar?{}", folder, timeout.count());
  }

 private:
  base::Result<std::string> Url(const std::string& path, const PodRef& pod,
                                const std::vector<std::string>& command) const {
    if (pod.name == "nobody") return base::NotFound("pod does not exist");
    if (pod.name == "many") return base::ResourceExhausted("too many sessions");
    const std::string place = !command.empty() && command[0].starts_with('/') ? command[0] : path;
    return fmt::format("http://127.0.0.1:{}{}", pod.name == "dead" ? 1 : port_, place);
  }
  const int port_;
};

struct FakeFigures final : FiguresView {
  base::Result<Figures> Read() override {
    if (fails) return base::Unavailable("no runtime");
    Figures figures;
    figures.node = "node-1";
    return figures;
  }
  std::atomic<bool> fails{false};
};

class NodeApi : public testing::Test {
 protected:
  NodeApi() {
    const TestPki& pki = TestPki::Get();
    Server::Options options;
    options.node = "node-1";
    options.tls = pki.Material();
    options.most_readers = 2;
    options.offer = Offer{.statusz = true, .flagz = true};
    server_ =
        Server::Listen("127.0.0.1:0", std::move(options),
                       {view_, streams_, figures_, [] { return "own 1\n"; }, nullptr, nullptr, {}},
                       reviews_, clock_)
            .value();
    passages_ = *passage::Passages::Start({});
    tls_ = *passage::MakeTls(pki.Text("client.crt"), pki.Text("client.key"), pki.Text("ca.crt"));
    front_ = std::make_unique<service::Server>(
        service::ServerOptions{}, [this](std::shared_ptr<Exchange> e) { HandOn(std::move(e)); });
    front_port_ = front_->ListenPlain("127.0.0.1:0").value();
    for (const char* one : {"pods", "healthz", "metrics", "stats"})
      reviews_.Allow("alice", "get", one);
    for (const char* verb : {"get", "create"}) reviews_.Allow("alice", verb, "proxy");
  }
  // As an API server does, with alice's certificate.
  void HandOn(std::shared_ptr<Exchange> exchange) {
    passage::Outbound out;
    out.host = "127.0.0.1";
    out.port = server_->port();
    out.tls = tls_;
    out.method = exchange->request().method;
    out.target = exchange->request().target;
    out.headers = exchange->request().headers;
    out.upgrade = AsksForUpgrade(out.headers);
    if (!out.upgrade) out.headers = passage::EndToEnd(out.headers);
    passages_->Begin(std::move(exchange), std::move(out),
                     {.failed = [](Exchange& failed, const base::Error& error) {
                       failed.Respond(502, {}, error.message());
                     }});
  }
  enum class As { kAlice, kStranger, kNobody };
  std::pair<int, std::string> Ask(const std::string& path, As as = As::kAlice,
                                  const std::string& token = "",
                                  const std::string& method = "GET") {
    const TestPki& pki = TestPki::Get();
    http::ClientRequest request;
    request.method = method;
    request.url = fmt::format("https://127.0.0.1:{}{}", server_->port(), path);
    request.tls.authorities_pem = pki.Text("ca.crt");
    if (as != As::kNobody) {
      const std::string name = as == As::kAlice ? "client" : "stranger";
      request.tls.certificate_pem = pki.Text(name + ".crt");
      request.tls.key_pem = pki.Text(name + ".key");
    }
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    const auto answer = http::Client().PerformToString(request, 1 << 20);
    if (!answer.ok()) return {0, answer.error().message()};
    return {answer->first.status, answer->second};
  }
  static std::string Upgrade(const std::string& method, const std::string& target,
                             const std::string& to = "SPDY/3.1") {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {}\r\n"
        "Authorization: Bearer secret\r\n\r\n",
        method, target, to);
  }

  base::SystemClock clock_;
  server::FakeNodeView view_;
  StreamingServer runtime_;
  FakeStreams streams_{runtime_.port};
  FakeFigures figures_;
  FakeReviews reviews_;
  std::unique_ptr<Server> server_;
  passage::Tls tls_;
  std::unique_ptr<passage::Passages> passages_;
  std::unique_ptr<service::Server> front_;
  int front_port_ = 0;
};

TEST_F(NodeApi, LetsInWhoIsKnownAndMay) {
  using Answer = std::pair<int, std::string>;
  EXPECT_EQ(Ask("/healthz"), Answer(200, "ok"));
  EXPECT_EQ(Ask("/healthz", As::kNobody), Answer(401, "Unauthorized"));
  EXPECT_EQ(Ask("/healthz", As::kStranger), Answer(401, "Unauthorized"));
  EXPECT_EQ(Ask("/healthz", As::kNobody, "t"), Answer(401, "Unauthorized"));
  reviews_.Knows("t", {.name = "bob", .uid = "", .groups = {}, .extra = {}});
  EXPECT_EQ(Ask("/healthz", As::kNobody, "t"),
            Answer(403,
                   "Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[healthz "
                   "proxy])"));
  reviews_.Allow("bob", "get", "proxy");
  EXPECT_EQ(Ask("/healthz", As::kNobody, "t"), Answer(200, "ok"));
  EXPECT_EQ(Ask("/metrics", As::kNobody, "t").first, 403);
  // Reading of a node is not enough for a session, whatever its method.
  EXPECT_EQ(Ask("/exec/default/web/main?output=1&command=ls", As::kNobody, "t").first, 403);
}

TEST_F(NodeApi, LetsNobodyInWhenTheApiServerDoesNotAnswer) {
  reviews_.Knows("t", {.name = "bob", .uid = "", .groups = {}, .extra = {}});
  reviews_.FailNext(1);
  EXPECT_EQ(Ask("/healthz", As::kNobody, "t").first, 401);
  reviews_.FailNext(1);
  const auto [status, text] = Ask("/healthz");
  EXPECT_EQ(status, 500);
  EXPECT_EQ(text,
            "Authorization error (user=alice, verb=get, resource=nodes, subresource=healthz)");
}

TEST_F(NodeApi, AnswersWhatTheOwnersSocketAnswersToo) {
  EXPECT_THAT(Ask("/pods").second, HasSubstr("PodList"));
  EXPECT_THAT(Ask("/runningpods/").second, HasSubstr("running"));
  EXPECT_EQ(Ask("/explain/default/web").first, 404);
  EXPECT_EQ(Ask("/nothing").first, 404);
  EXPECT_EQ(Ask("/containerLogs/default/web/absent").first, 404);
  EXPECT_EQ(Ask("/containerLogs/default/web/main?tailLines=-1").first, 422);
}

TEST_F(NodeApi, TellsFigures) {
  EXPECT_EQ(Ask("/metrics").second, "own 1\n");
  EXPECT_EQ(Ask("/metrics/probes").second, "");
  EXPECT_THAT(Ask("/metrics/resource").second, HasSubstr("\nscrape_error 0\n"));
  EXPECT_THAT(Ask("/stats/summary").second, HasSubstr("node-1"));
  figures_.fails = true;
  EXPECT_THAT(Ask("/metrics/resource").second, HasSubstr("\nscrape_error 1\n"));
  EXPECT_EQ(Ask("/stats/summary").first, 500);
}

TEST_F(NodeApi, SendsLogsAndFollowsThem) {
  const os::TempDir dir = os::TempDir::Create("keelson-node-api").value();
  const std::string folder = dir.path() + "/pod/main", path = folder + "/0.log";
  ASSERT_TRUE(os::MakeDirs(folder, 0755).ok());
  const std::string line = "2026-01-01T00:00:00Z stdout F ";
  ASSERT_TRUE(
      os::WriteFileAtomic(path, line + "one\n" + line + "two\n" + line + "three\n", 0644).ok());
  view_.SetLog("main", {path, true});
  EXPECT_EQ(Ask("/containerLogs/default/web/main").second, "one\ntwo\nthree\n");
  EXPECT_EQ(Ask("/containerLogs/default/web/main?tailLines=2&limitBytes=5").second, "two\nt");
  EXPECT_EQ(Ask("/containerLogs/default/web/main?tailLines=1&timestamps=true").second,
            "2026-01-01T00:00:00Z three\n");

  RawClient follower(front_port_);
  follower.Send("GET /containerLogs/default/web/main?follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(follower.ReceiveUntil("three\n"));
  const auto append = os::Open(path, O_WRONLY | O_APPEND);
  ASSERT_TRUE(append.ok());
  const std::string more = line + "four\n";
  ASSERT_EQ(write(append->get(), more.data(), more.size()), static_cast<ssize_t>(more.size()));
  ASSERT_TRUE(follower.ReceiveUntil("four\n"));
  {
    RawClient second(front_port_);
    second.Send("GET /containerLogs/default/web/main?follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(second.ReceiveUntil("four\n"));
    EXPECT_EQ(Ask("/containerLogs/default/web/main").first, 429);
  }
  // The one that went makes room.
  const auto deadline = service::In(60);
  while (Ask("/containerLogs/default/web/main").first != 200)
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  view_.SetLog("main", {path, false});
  EXPECT_TRUE(follower.ReceiveUntil("0\r\n\r\n"));  // whole
}

TEST_F(NodeApi, HandsSessionsOnToTheRuntime) {
  for (const char* to : {"SPDY/3.1", "websocket"}) {
    SCOPED_TRACE(to);
    RawClient client(front_port_);
    const std::string method = to == std::string("websocket") ? "GET" : "POST";
    client.Send(Upgrade(method, "/exec/default/web/main?input=1&command=a&command=b", to));
    ASSERT_TRUE(client.ReceiveUntil(method + " /exec?default/web/main/a+b/in;")) << client.received;
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_THAT(client.received, HasSubstr(to));
    client.received.clear();
    const std::string much(1 << 20, 'x');
    std::thread sender([&] {
      EXPECT_TRUE(client.Send(much + "end"));
      client.FinishSending();
    });
    EXPECT_TRUE(client.ReceiveUntil("end"));
    sender.join();
    EXPECT_EQ(client.received.size(), much.size() + 3);
    client.ReceiveAll();
    EXPECT_TRUE(client.ended);
  }
  EXPECT_TRUE(runtime_.ended.WaitFor(2));
  RawClient attach(front_port_), forward(front_port_);
  attach.Send(Upgrade("POST", "/attach/default/web/main?output=1"));
  EXPECT_TRUE(attach.ReceiveUntil("POST /attach?main;"));
  forward.Send(Upgrade("POST", "/portForward/default/web"));
  EXPECT_TRUE(forward.ReceiveUntil("POST /portforward?web;"));
  forward.Close();
  EXPECT_TRUE(runtime_.ended.WaitFor(3));  // the runtime hears of clients that go
}

TEST_F(NodeApi, SaysWhyThereIsNoSession) {
  struct Case {
    std::string target;
    std::string answer;
  };
  const Case cases[] = {
      {"/exec/default/web/main", "400 Bad Request"},
      {"/exec/default/nobody/main?output=1", "404 Not Found"},
      {"/exec/default/many/main?output=1", "429 Too Many Requests"},
      {"/exec/default/dead/main?output=1", "500 Internal Server Error"},
      {"/exec/default/web/main?output=1&command=/gone", "404 Not Found"},
      {"/exec/default/web/main?output=1&command=/plain", "500 Internal Server Error"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    RawClient client(front_port_);
    client.Send(Upgrade("POST", c.target));
    EXPECT_TRUE(client.ReceiveUntil("\r\n\r\n"));
    EXPECT_THAT(client.received, testing::StartsWith("HTTP/1.1 " + c.answer));
  }
  using Answer = std::pair<int, std::string>;
  EXPECT_EQ(Ask("/exec/default/web/main?output=1"), Answer(500, "Upgrade request required\n"));
}

TEST_F(NodeApi, RunsCommandsAndSaysWhatTheySaid) {
  using Answer = std::pair<int, std::string>;
  const auto post = [this](const std::string& path) { return Ask(path, As::kAlice, "", "POST"); };
  EXPECT_EQ(post("/run/default/web/main?cmd=ls%20-l"), Answer(200, "main: ls+-l\n"));
  EXPECT_EQ(post("/run/default/web/uid/main?cmd=ls"), Answer(200, "main: ls\n"));
  EXPECT_EQ(post("/run/default/web/main?cmd=false"),
            Answer(500, "command 'false' exited with 1: \n"));
  EXPECT_EQ(post("/run/default/nobody/main?cmd=ls"), Answer(404, "pod does not exist\n"));
  EXPECT_EQ(post("/run/default/web/main").first, 400);
  EXPECT_EQ(post("/checkpoint/default/other/main").first, 403);
  reviews_.Allow("alice", "create", "checkpoint");
  EXPECT_EQ(post("/checkpoint/default/web/main"),
            Answer(500, "checkpointing of default/web/main failed (CheckpointContainer)\n"));
  EXPECT_EQ(post("/checkpoint/default/nobody/main").first, 404);
  EXPECT_EQ(post("/checkpoint/default/other/main?timeout=5"),
            Answer(200, "{\"items\":[\"/a.tar?5\"]}"));
}

TEST_F(NodeApi, TellsOfItselfToWhomMayKnow) {
  EXPECT_EQ(Ask("/debug/pprof/cmdline").first, 200);
  EXPECT_THAT(Ask("/debug/pprof/heap").second, HasSubstr("perf record"));
  EXPECT_EQ(Ask("/debug/flags/v"), std::pair(406, std::string("unsupported http method\n")));
  EXPECT_EQ(Ask("/statusz").first, 403);
  reviews_.Allow("alice", "get", "statusz");
  reviews_.Allow("alice", "get", "configz");
  EXPECT_THAT(Ask("/statusz").second, HasSubstr("kubelet statusz"));
  EXPECT_THAT(Ask("/flagz").second, HasSubstr("kubelet flagz"));
}

TEST_F(NodeApi, ThePortForReadingHasHealthPodsAndFiguresForEverybody) {
  const auto reading = ReadOnly::Listen(
      "127.0.0.1:0", {view_, streams_, figures_, nullptr, nullptr, nullptr, {}}, {}, clock_);
  ASSERT_TRUE(reading.ok()) << reading.error().message();
  const auto ask = [&](const std::string& path) {
    const auto answer = http::Client().PerformToString(
        {.url = fmt::format("http://127.0.0.1:{}{}", (*reading)->port(), path)}, 1 << 20);
    return answer.ok() ? std::pair(answer->first.status, answer->second)
                       : std::pair(0, answer.error().message());
  };
  using Answer = std::pair<int, std::string>;
  EXPECT_EQ(ask("/healthz"), Answer(200, "ok"));
  for (const char* path : {"/pods", "/stats/summary", "/metrics", "/metrics/cadvisor",
                           "/metrics/resource", "/metrics/probes"})
    EXPECT_EQ(ask(path).first, 200) << path;
  for (const char* path : {"/containerLogs/a/b/c", "/exec/a/b/c", "/run/a/b/c", "/runningpods/",
                           "/logs/", "/debug/pprof/"})
    EXPECT_EQ(ask(path), Answer(405, "Debug endpoints are disabled.\n")) << path;
  EXPECT_EQ(ask("/configz").first, 404);
}

TEST_F(NodeApi, EndsWithSessionsAndReadersUnderWay) {
  RawClient client(front_port_);
  client.Send(Upgrade("POST", "/exec/default/web/main?output=1"));
  ASSERT_TRUE(client.ReceiveUntil(";"));
  view_.SetLog("main", {"/nowhere/pod/main/0.log", true});
  RawClient follower(front_port_);
  follower.Send("GET /containerLogs/default/web/main?follow=true HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(follower.ReceiveUntil("\r\n\r\n"));
  server_.reset();
  client.ReceiveAll();
  follower.ReceiveAll();
  EXPECT_TRUE(client.ended && follower.ended);
  EXPECT_TRUE(runtime_.ended.WaitFor(1));
}

}  // namespace
}  // namespace keelson::node_api
