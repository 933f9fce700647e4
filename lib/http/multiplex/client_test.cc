// SPDX-License-Identifier: Apache-2.0
#include "lib/http/multiplex/client.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"

namespace keelson::multiplex {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A server of ours and a client on this thread's loop.
class MultiplexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loop = os::EventLoop::Create();
    ASSERT_TRUE(loop.ok());
    loop_ = *std::move(loop);
    StartServer("127.0.0.1:0");
    client_ = std::make_unique<Client>(*loop_, TheTarget());
  }

  // Its threads use what is below it.
  void TearDown() override { server_.reset(); }

  void StartServer(const std::string& endpoint) {
    service::ServerOptions options;
    options.max_queued_bytes = 64u << 20;
    server_ = std::make_unique<service::Server>(
        options, [this](std::shared_ptr<service::Exchange> exchange) { Handle(exchange); });
    ASSERT_TRUE(server_->SetTls(service::TestPki::Get().Material()).ok());
    const auto port = server_->ListenTls(endpoint);
    ASSERT_TRUE(port.ok()) << port.error().message();
    port_ = *port;
  }

  void Handle(const std::shared_ptr<service::Exchange>& exchange) {
    const service::Request& request = exchange->request();
    if (request.path == "/hold" || request.path == "/stream") {
      if (request.path == "/stream") {
        exchange->Begin(200, {});
        exchange->Write(service::Buffer(std::string("first\n")));
      }
      exchange->OnGone([this] {
        const std::lock_guard lock(mutex_);
        ++gone_;
      });
      const std::lock_guard lock(mutex_);
      held_.push_back(exchange);
      return;
    }
    if (request.path == "/large") return exchange->Respond(200, {}, std::string(9u << 20, 'x'));
    exchange->Respond(request.path == "/missing" ? 404 : 200,
                      {{"X-Peer", request.peer ? request.peer->common_name : ""},
                       {"X-Version", std::to_string(request.version)}},
                      request.method + " " + request.body);
  }

  Target TheTarget() {
    return {.host = "localhost",
            .port = port_,
            .server_name = "",
            .authorities = service::TestPki::Get().Text("ca.crt"),
            .any_peer = false,
            .certificate = service::TestPki::Get().Text("client.crt"),
            .key = service::TestPki::Get().Text("client.key")};
  }

  // Runs the loop until `done` says so; a minute at most.
  template <typename Done>
  bool Until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    while (!done() && std::chrono::steady_clock::now() < deadline) loop_->RunOnce(milliseconds(20));
    return done();
  }
  base::Result<Reply> Ask(Call call) {
    std::optional<base::Result<Reply>> reply;
    call.done = [&](base::Result<Reply> got) { reply = std::move(got); };
    client_->Begin(std::move(call));
    EXPECT_TRUE(Until([&] { return reply.has_value(); }));
    return reply ? *std::move(reply) : base::Internal("no answer");
  }
  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<service::Server> server_;
  std::unique_ptr<Client> client_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::shared_ptr<service::Exchange>> held_;  // guarded by mutex_
  int gone_ = 0;                                          // guarded by mutex_
};

TEST_F(MultiplexTest, AsksOverHttp2AsWhomItsCertificateSays) {
  const auto reply = Ask({.method = "POST", .path = "/a", .body = std::string(3u << 19, 'y')});
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body.size(), 5 + (3u << 19));
  EXPECT_EQ(*service::FindHeader(reply->headers, "x-peer"), "alice");
  EXPECT_EQ(*service::FindHeader(reply->headers, "x-version"), "2");
  EXPECT_EQ(Ask({.path = "/missing"})->status, 404);
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(MultiplexTest, LargeAnswersComeWholeOrAreRefused) {
  const auto whole = Ask({.path = "/large"});
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->body, std::string(9u << 20, 'x'));
  const auto bounded = Ask({.path = "/large", .max_body = 1000});
  ASSERT_FALSE(bounded.ok());
  EXPECT_EQ(bounded.error().code(), base::Code::kResourceExhausted);
  EXPECT_TRUE(Ask({.path = "/a"}).ok());
}

TEST_F(MultiplexTest, StreamsComePieceByPieceAndHoldUpNobody) {
  std::string got;
  std::optional<base::Result<Reply>> end;
  client_->Begin({.path = "/stream",
                  .on_piece = [&](std::string_view piece) { got += piece; },
                  .done = [&](base::Result<Reply> reply) { end = std::move(reply); }});
  ASSERT_TRUE(Until([&] { return got == "first\n"; }));
  EXPECT_TRUE(Ask({.path = "/a"}).ok());
  held_.front()->Write(service::Buffer(std::string("second\n")));
  held_.front()->End();
  ASSERT_TRUE(Until([&] { return end.has_value(); }));
  EXPECT_EQ(got, "first\nsecond\n");
  EXPECT_TRUE(end->ok());
}

TEST_F(MultiplexTest, WhatIsCancelledIsGoneForTheServerTooAndSaysNothing) {
  std::string got;
  const CallId id = client_->Begin({.path = "/stream",
                                    .on_piece = [&](std::string_view piece) { got += piece; },
                                    .done = [](const auto&) { FAIL() << "told after all"; }});
  ASSERT_TRUE(Until([&] { return !got.empty(); }));
  client_->Cancel(id);
  EXPECT_TRUE(Until([&] {
    const std::lock_guard lock(mutex_);
    return gone_ == 1;
  }));
  client_->Cancel(id);
  EXPECT_TRUE(Ask({.path = "/a"}).ok());
}

TEST_F(MultiplexTest, ACallThatIsNotAnsweredEndsInTimeAndTheOthersDoNot) {
  const auto late = Ask({.path = "/hold", .timeout = milliseconds(50)});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), base::Code::kDeadlineExceeded);
  EXPECT_TRUE(Ask({.path = "/a"}).ok());
}

TEST_F(MultiplexTest, AServerThatGoesEndsItsCallsAndTheNextOneIsFound) {
  std::optional<base::Result<Reply>> end;
  client_->Begin({.path = "/stream",
                  .on_piece = [](std::string_view) {},
                  .done = [&](base::Result<Reply> reply) { end = std::move(reply); }});
  ASSERT_TRUE(Until([&] { return held() == 1; }));
  held_.clear();
  server_.reset();
  ASSERT_TRUE(Until([&] { return end.has_value(); }));
  EXPECT_FALSE(end->ok());
  const auto nobody = Ask({.path = "/a"});
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().code(), base::Code::kUnavailable);
  StartServer("127.0.0.1:0");
  client_->SetTarget(TheTarget());
  EXPECT_TRUE(Ask({.path = "/a"}).ok());
}

TEST_F(MultiplexTest, AForeignServerIsToldNothing) {
  Target target = TheTarget();
  target.authorities = service::TestPki::Get().Text("foreign.crt");
  client_ = std::make_unique<Client>(*loop_, target);
  auto refused = Ask({.path = "/a"});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("certificate is refused"), std::string::npos)
      << refused.error().message();
  target = TheTarget();
  target.server_name = "elsewhere";
  client_ = std::make_unique<Client>(*loop_, target);
  EXPECT_FALSE(Ask({.path = "/a"}).ok());
  target.authorities.clear();
  client_ = std::make_unique<Client>(*loop_, target);
  refused = Ask({.path = "/a"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), base::Code::kFailedPrecondition);
}

TEST_F(MultiplexTest, AServerThatIsSilentButAnswersPingsIsWaitedFor) {
  client_ = std::make_unique<Client>(
      *loop_, TheTarget(),
      Client::Options{.ping_after = milliseconds(20), .ping_timeout = seconds(60)});
  const auto end = Ask({.path = "/hold", .timeout = milliseconds(300)});
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().code(), base::Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace keelson::multiplex
