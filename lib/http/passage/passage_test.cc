// SPDX-License-Identifier: Apache-2.0
// Two servers of `service`: one that hands on, one that answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lib/http/passage/passages.h"
#include "lib/http/service/server.h"
#include "lib/http/service/test_client.h"
#include "lib/http/service/test_pki.h"

namespace keelson::passage {
namespace {

using service::Buffer;
using service::Exchange;
using service::Field;
using service::RawClient;
using service::Sent;
using service::TestPki;
using service::Tunnel;

// "0000000 0000001 …": no eight bytes alike.
std::string Numbers(size_t bytes) {
  std::string out;
  for (int i = 0; out.size() < bytes; ++i) out += fmt::format("{:07} ", i);
  return out;
}

// What is far away: says who asks and what, streams, and echoes in tunnels.
class Backend {
 public:
  Backend() : server_({.max_queued_bytes = 64 << 10}, [this](auto e) { Answer(e); }) {
    EXPECT_TRUE(server_.SetTls(TestPki::Get().Material()).ok());
    port = *server_.ListenTls("127.0.0.1:0");
    plain = *server_.ListenPlain("127.0.0.1:0");
  }
  int port = 0;
  int plain = 0;
  service::Count gone;
  std::atomic<size_t> written{0};
  void Cut() {
    const std::lock_guard lock(mutex_);
    cut_->Abort();
    cut_.reset();
  }

 private:
  void Answer(const std::shared_ptr<Exchange>& exchange) {
    const service::Request& request = exchange->request();
    if (request.path == "/echo") {
      auto tunnel = exchange->Upgrade({{"Connection", "Upgrade"}, {"Upgrade", "test"}});
      if (!tunnel.ok()) return exchange->Respond(400, {}, tunnel.error().message());
      const auto there = *tunnel;
      there->OnData([there](std::string_view bytes) {
        if (bytes.empty()) return there->Close();
        (void)there->Send({Buffer(std::string(bytes))});
      });
      return;
    }
    if (request.path == "/endless") {
      exchange->OnGone([this] { gone.Add(); });
      exchange->Begin(200, {{"Content-Type", "text/plain"}});
      return Pour(exchange);
    }
    if (request.path == "/cut") {
      {
        // Before anything is said: who hears it cuts.
        const std::lock_guard lock(mutex_);
        cut_ = exchange;
      }
      exchange->Begin(200, {});
      (void)exchange->Write(Buffer(std::string("half")));
      return;
    }
    if (request.path == "/refused") return exchange->Respond(404, {}, std::string("no such pod"));
    if (request.path == "/large") return exchange->Respond(200, {}, Numbers(2 << 20));
    exchange->Respond(200, {{"X-Here", "yes"}, {"X-Hop", "1"}},
                      fmt::format("{} {} [{}] from {}", request.method, request.target,
                                  request.body, request.peer ? request.peer->common_name : "-"));
  }
  void Pour(const std::shared_ptr<Exchange>& exchange) {
    const std::string piece = Numbers(16 << 10);
    while (true) {
      const Sent sent = exchange->Write(Buffer(piece));
      if (sent == Sent::kTaken) written += piece.size();
      if (sent != Sent::kTaken) break;
    }
    exchange->OnDrain([this, exchange] { Pour(exchange); });
  }
  std::mutex mutex_;
  std::shared_ptr<Exchange> cut_;  // guarded by mutex_
  service::Server server_;
};

class PassageTest : public testing::Test {
 protected:
  PassageTest() {
    const TestPki& pki = TestPki::Get();
    passages_ = *Passages::Start({});
    tls_ = *MakeTls(pki.Text("client.crt"), pki.Text("client.key"), pki.Text("ca.crt"));
    front_ = std::make_unique<service::Server>(
        service::ServerOptions{.max_queued_bytes = 64 << 10},
        [this](std::shared_ptr<Exchange> exchange) { HandOn(std::move(exchange)); });
    port_ = *front_->ListenPlain("127.0.0.1:0");
  }
  void HandOn(std::shared_ptr<Exchange> exchange) {
    const service::Request& request = exchange->request();
    Outbound out;
    out.host = host_;
    out.port = use_tls_ ? backend_.port : backend_.plain;
    if (dead_port_ != 0) out.port = dead_port_;
    if (use_tls_) out.tls = tls_;
    out.method = request.method;
    out.target = request.target;
    out.body = request.body;
    out.upgrade = service::FindHeader(request.headers, "upgrade") != nullptr;
    out.headers = out.upgrade ? request.headers : EndToEnd(request.headers);
    Terms terms;
    terms.failed = [](Exchange& failed, const base::Error& error) {
      failed.Respond(502, {}, "failed: " + error.message());
    };
    terms.rewrite = [](Head& head) { head.headers.emplace_back("X-Front", "yes"); };
    terms.is_refusal = [](const Head& head) { return head.status == 404; };
    terms.refuse = [](Exchange& refused, const Head& head, const std::string& body) {
      refused.Respond(400, {}, fmt::format("refused {}: {}", head.status, body));
    };
    passages_->Begin(std::move(exchange), std::move(out), std::move(terms));
  }
  std::string Ask(const std::string& target, const std::string& body = "",
                  const std::string& method = "GET") {
    RawClient client(port_);
    client.Send(
        fmt::format("{} {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "
                    "{}\r\n\r\n{}",
                    method, target, body.size(), body));
    return client.ReceiveAll();
  }

  Backend backend_;
  std::unique_ptr<Passages> passages_;
  Tls tls_;
  std::string host_ = "127.0.0.1";
  bool use_tls_ = true;
  int dead_port_ = 0;
  std::unique_ptr<service::Server> front_;  // ends first
  int port_ = 0;
};

TEST_F(PassageTest, HandsOnRequestsAndAnswersWithTlsAndWithout) {
  for (const bool tls : {true, false}) {
    use_tls_ = tls;
    const std::string answer = Ask("/a%2Fb?x=%20y", "hello", "POST");
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, testing::HasSubstr("X-Here: yes\r\n"));
    EXPECT_THAT(answer, testing::HasSubstr("X-Front: yes\r\n"));
    EXPECT_THAT(answer, testing::HasSubstr(fmt::format("POST /a%2Fb?x=%20y [hello] from {}",
                                                       tls ? "alice" : "-")));
  }
}

TEST_F(PassageTest, LargeAnswersComeWholeThroughSmallQueues) {
  const std::string answer = Ask("/large");
  std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  std::string text;  // without the chunks' frames
  for (size_t at = 0; at < body.size();) {
    const size_t size = std::stoul(body.substr(at, 16), nullptr, 16);
    const size_t begin = body.find("\r\n", at) + 2;
    text += body.substr(begin, size);
    at = begin + size + 2;
  }
  EXPECT_TRUE(text == Numbers(2 << 20)) << text.size();
}

TEST_F(PassageTest, TunnelsBothWays) {
  for (const bool tls : {true, false}) {
    use_tls_ = tls;
    RawClient client(port_);
    client.Send(
        "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nearly ");
    ASSERT_TRUE(client.ReceiveUntil("early ")) << client.received;
    EXPECT_THAT(client.received, testing::StartsWith("HTTP/1.1 101 "));
    const std::string text = Numbers(1 << 20);
    std::thread sender([&] { client.Send(text); });
    while (!client.received.ends_with(text.substr(text.size() - 8)))
      if (!client.Receive(60)) break;
    sender.join();
    EXPECT_TRUE(client.received.ends_with(text));
    client.FinishSending();
    client.ReceiveAll();
    EXPECT_TRUE(client.ended);
  }
}

// Both are read at once, while the tunnel still works on what came before.
TEST_F(PassageTest, AnEndComesThroughBehindTheLastBytes) {
  for (const bool tls : {true, false}) {
    SCOPED_TRACE(tls);
    use_tls_ = tls;
    RawClient client(port_);
    client.Send(
        "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nearly ");
    ASSERT_TRUE(client.ReceiveUntil("early ")) << client.received;
    const std::string text = Numbers(48 << 10);
    client.Send(text);
    client.FinishSending();
    while (client.Receive(60)) continue;
    EXPECT_TRUE(client.ended);
    EXPECT_TRUE(client.received.ends_with(text));
  }
}

TEST_F(PassageTest, AnUpgradeThatIsRefusedIsAnAnswer) {
  RawClient client(port_);
  client.Send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
  ASSERT_TRUE(client.ReceiveUntil("from alice"));
  EXPECT_THAT(client.received, testing::StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(PassageTest, RefusalsAndFailuresAreTheServersToTell) {
  EXPECT_THAT(Ask("/refused"), testing::EndsWith("refused 404: no such pod"));
  // A port that nobody listens on any more.
  {
    service::Server gone({}, [](std::shared_ptr<Exchange>) {});
    dead_port_ = *gone.ListenPlain("127.0.0.1:0");
  }
  EXPECT_THAT(Ask("/"),
              testing::EndsWith(fmt::format(
                  "failed: dial tcp 127.0.0.1:{}: connect: connection refused", dead_port_)));
  dead_port_ = 0;
  tls_ = *MakeTls("", "", TestPki::Get().Text("foreign.crt"));
  EXPECT_THAT(Ask("/"), testing::HasSubstr("failed: tls: failed to verify certificate"));
  // Somebody else's, or its own: taken as it is. Ours must be for the name that was asked for.
  tls_ = *MakeTls("", "", TestPki::Get().Text("foreign.crt"), service::Trust::kOthersToo);
  EXPECT_THAT(Ask("/"), testing::HasSubstr("from -"));
  tls_ = *MakeTls("", "", TestPki::Get().Text("ca.crt"), service::Trust::kOthersToo);
  EXPECT_THAT(Ask("/"), testing::HasSubstr("from -"));
  host_ = "127.1";  // the same to whoever looks it up, and not in the certificate
  EXPECT_THAT(Ask("/"), testing::HasSubstr("failed: tls: failed to verify certificate"));
  host_ = "127.0.0.1";
  tls_ = *MakeTls("", "", "");
  EXPECT_THAT(Ask("/"), testing::HasSubstr("from -"));
  use_tls_ = false;
  dead_port_ = backend_.port;
  EXPECT_THAT(Ask("/"), testing::HasSubstr("failed: "));
}

TEST_F(PassageTest, AnAnswerThatIsCutIsNotTakenForWhole) {
  RawClient client(port_);
  client.Send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.ReceiveUntil("half"));
  backend_.Cut();
  client.ReceiveAll();
  EXPECT_TRUE(client.ended);
  EXPECT_THAT(client.received, testing::Not(testing::HasSubstr("\r\n0\r\n\r\n")));
}

TEST_F(PassageTest, AClientThatDoesNotReadHoldsUpTheServerBehindAndItsEndIsTold) {
  RawClient client(port_, 16 << 10);
  client.Send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.ReceiveUntil("0000009"));
  // It stops by itself: what fits in queues and sockets is all that is ever read.
  size_t seen = 0;
  for (int quiet = 0; quiet < 5;) {
    const size_t now = backend_.written;
    quiet = now == seen ? quiet + 1 : 0;
    seen = now;
    ASSERT_LT(seen, 64u << 20);
    poll(nullptr, 0, 50);
  }
  client.Close();
  EXPECT_TRUE(backend_.gone.WaitFor(1));
}

TEST_F(PassageTest, EndsWithItsOwnerWhateverIsUnderWay) {
  RawClient client(port_);
  client.Send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.ReceiveUntil("0000009"));
  passages_.reset();
  client.ReceiveAll();
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(backend_.gone.WaitFor(1));
}

}  // namespace
}  // namespace keelson::passage
