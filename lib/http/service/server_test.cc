// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "lib/base/strings.h"
#include "lib/http/service/test_pki.h"

namespace keelson::service {
namespace {

struct Answer {
  int exit = -1;
  std::string out;
  std::string err;
};

Answer Curl(std::vector<std::string> args, std::string_view input = "") {
  args.insert(args.begin(), {"curl", "-sS", "-m", "60"});
  const auto done = os::RunCommand({.argv = args, .env = {"PATH=/usr/bin:/bin"}}, input,
                                   std::chrono::seconds(90), 64u << 20);
  if (!done.ok()) return {-1, "", done.error().message()};
  return {done->status.code(), done->out, done->err};
}

// Eight megabytes in pieces of many sizes, no two alike.
std::vector<Buffer> Pieces() {
  std::vector<Buffer> pieces;
  size_t total = 0;
  for (size_t i = 1; total < (8u << 20); ++i) {
    std::string piece;
    const size_t size = i * 7919 % 50000;
    while (piece.size() < size) piece += std::to_string(total + piece.size()) + ",";
    total += piece.size();
    pieces.emplace_back(std::move(piece));
  }
  return pieces;
}

// Says what it was asked.
void Echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  if (request.path == "/large") {
    exchange->Respond(200, {{"Content-Type", "text/plain"}}, std::string(2u << 20, 'x'));
    return;
  }
  if (request.path == "/stream") {
    exchange->Begin(200, {{"Content-Type", "text/plain"}});
    for (int i = 0; i < 3; ++i) exchange->Write(Buffer("piece" + std::to_string(i) + "\n"));
    exchange->End();
    return;
  }
  if (request.path == "/pieces") {
    exchange->Begin(200, {});
    for (const Buffer& piece : Pieces())
      while (exchange->Write(piece) == Sent::kFull) std::this_thread::yield();
    exchange->End();
    return;
  }
  if (request.path == "/silent") return;
  std::string text = fmt::format("{} {} v{} tls={} body={}\n", request.method, request.path,
                                 request.version, request.tls, request.body.size());
  for (const auto& [name, value] : request.query) text += fmt::format("q {}={}\n", name, value);
  if (request.peer)
    text += fmt::format("peer verified={} {} of {} {}\n", request.peer->verified,
                        request.peer->common_name, base::Join(request.peer->organizations, ","),
                        request.peer->problem);
  exchange->Respond(200, {{"Content-Type", "text/plain"}, {"X-Test", "yes"}}, std::move(text));
}

class ServerTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}, Handler handler = Echo) {
    server_ = std::make_unique<Server>(std::move(options), std::move(handler));
    ASSERT_TRUE(server_->SetTls(TestPki::Get().Material()).ok());
    const auto port = server_->ListenTls("127.0.0.1:0");
    ASSERT_TRUE(port.ok()) << port.error().message();
    url_ = fmt::format("https://localhost:{}", *port);
    const auto plain = server_->ListenPlain("127.0.0.1:0");
    ASSERT_TRUE(plain.ok()) << plain.error().message();
    plain_url_ = fmt::format("http://127.0.0.1:{}", *plain);
  }
  static std::vector<std::string> Tls(std::vector<std::string> more) {
    more.insert(more.begin(), {"--cacert", TestPki::Get().Path("ca.crt")});
    return more;
  }
  std::unique_ptr<Server> server_;
  std::string url_;
  std::string plain_url_;
};

TEST_F(ServerTest, AnswersWithBothVersionsOfHttpOverTls) {
  Start();
  const Answer one = Curl(Tls({"--http1.1", "-i", url_ + "/a%2Fb/c?x=1&y=a+b&x=2"}));
  EXPECT_EQ(one.exit, 0) << one.err;
  EXPECT_THAT(one.out, testing::HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_THAT(one.out, testing::HasSubstr("GET /a/b/c v1 tls=true body=0"));
  EXPECT_THAT(one.out, testing::HasSubstr("q x=1\nq y=a b\nq x=2\n"));
  const Answer two = Curl(Tls({"--http2", "-i", url_ + "/p", "-d", "hello"}));
  EXPECT_EQ(two.exit, 0) << two.err;
  EXPECT_THAT(two.out, testing::HasSubstr("HTTP/2 200"));
  EXPECT_THAT(two.out, testing::HasSubstr("POST /p v2 tls=true body=5"));
  EXPECT_THAT(two.out, testing::HasSubstr("x-test: yes"));
}

TEST_F(ServerTest, WhoReadsDoesNotWaitForThoseWhoWrite) {
  std::promise<void> held;
  std::promise<void> released;
  const std::shared_future<void> release = released.get_future().share();
  Start({.workers = 1}, [&, release](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().path == "/held") {
      held.set_value();
      release.wait();
    }
    exchange->Respond(200, {}, exchange->request().method);
  });
  Answer first;
  Answer second;
  std::thread writing([&] { first = Curl({"-X", "POST", plain_url_ + "/held"}); });
  held.get_future().wait();  // the only thread for writers
  std::thread waiting([&] { second = Curl({"-X", "PUT", plain_url_ + "/"}); });
  EXPECT_EQ(Curl({plain_url_ + "/"}).out, "GET");
  released.set_value();
  writing.join();
  waiting.join();
  EXPECT_EQ(first.out, "POST");
  EXPECT_EQ(second.out, "PUT");
}

TEST_F(ServerTest, AnswersWithoutTlsOnLoopbackAndUnixSockets) {
  Start();
  EXPECT_THAT(Curl({plain_url_ + "/p"}).out, testing::HasSubstr("GET /p v1 tls=false"));
  EXPECT_THAT(Curl({"--http2-prior-knowledge", plain_url_ + "/p"}).out,
              testing::HasSubstr("GET /p v2 tls=false"));
  const auto dir = os::TempDir::Create();
  ASSERT_TRUE(dir.ok());
  ASSERT_TRUE(server_->ListenPlain("unix://" + dir->path() + "/s").ok());
  EXPECT_THAT(Curl({"--unix-socket", dir->path() + "/s", "http://x/u"}).out,
              testing::HasSubstr("GET /u v1"));
  EXPECT_FALSE(server_->ListenPlain("0.0.0.0:0").ok());
}

TEST_F(ServerTest, StreamsPieceByPieceAndSendsLargeAnswersGzipped) {
  Start();
  for (const std::string version : {"--http1.1", "--http2"}) {
    SCOPED_TRACE(version);
    EXPECT_EQ(Curl(Tls({version, url_ + "/stream"})).out, "piece0\npiece1\npiece2\n");
    EXPECT_EQ(Curl(Tls({version, url_ + "/large"})).out.size(), 2u << 20);
    const Answer zipped = Curl(Tls({version, "--compressed", "-i", url_ + "/large"}));
    EXPECT_GT(zipped.out.size(), 2u << 20);
    EXPECT_THAT(base::ToLower(zipped.out.substr(0, 300)),
                testing::HasSubstr("content-encoding: gzip"));
    EXPECT_THAT(Curl(Tls({version, "-I", url_ + "/large"})).out, testing::HasSubstr("2097152"));
  }
}

TEST_F(ServerTest, NothingIsLostOrTurnedAroundWhenAClientIsSlow) {
  Start({.max_queued_bytes = 100 << 10});
  std::string wanted;
  for (const Buffer& piece : Pieces()) wanted += piece.view();
  for (const std::string version : {"--http1.1", "--http2"}) {
    SCOPED_TRACE(version);
    for (const std::string rate : {"16M", "1G"})
      EXPECT_TRUE(Curl(Tls({version, "--limit-rate", rate, url_ + "/pieces"})).out == wanted);
    EXPECT_TRUE(Curl({version == "--http2" ? "--http2-prior-knowledge" : version, "--limit-rate",
                      "16M", plain_url_ + "/pieces"})
                    .out == wanted);
  }
}

TEST_F(ServerTest, KnowsItsClientsByCertificateAndAsksNobodyForOne) {
  Start();
  TestPki& pki = TestPki::Get();
  for (const std::string version : {"--http1.1", "--http2"}) {
    SCOPED_TRACE(version);
    EXPECT_THAT(Curl(Tls({version, url_})).out, testing::Not(testing::HasSubstr("peer")));
    EXPECT_THAT(Curl(Tls({version, "--cert", pki.Path("client.crt"), "--key",
                          pki.Path("client.key"), url_}))
                    .out,
                testing::HasSubstr("peer verified=true alice of system:masters \n"));
    EXPECT_THAT(Curl(Tls({version, "--cert", pki.Path("stranger.crt"), "--key",
                          pki.Path("stranger.key"), url_}))
                    .out,
                testing::HasSubstr("peer verified=false mallory of system:masters "));
    EXPECT_THAT(Curl(Tls({version, "--cert", pki.Path("server2.crt"), "--key",
                          pki.Path("server2.key"), url_}))
                    .out,
                testing::HasSubstr("unsuitable certificate purpose"));
  }
  EXPECT_NE(Curl(Tls({"--tls-max", "1.1", url_})).exit, 0);
}

TEST_F(ServerTest, TakesANewCertificateForNewConnectionsAndKeepsTheOldOneWhenItIsBroken) {
  Start();
  EXPECT_THAT(Curl(Tls({"-v", url_})).err, testing::HasSubstr("CN=one"));
  TlsMaterial mixed = TestPki::Get().Material("server2");
  mixed.key = TestPki::Get().Text("server.key");
  EXPECT_FALSE(server_->SetTls(mixed).ok());
  EXPECT_THAT(Curl(Tls({"-v", url_})).err, testing::HasSubstr("CN=one"));
  EXPECT_TRUE(server_->SetTls(TestPki::Get().Material("server2")).ok());
  EXPECT_THAT(Curl(Tls({"-v", url_})).err, testing::HasSubstr("CN=two"));
}

TEST_F(ServerTest, BoundsBodiesAndHeaders) {
  Start({.max_header_bytes = 16u << 10, .max_body_bytes = 1000});
  const std::string large(2000, 'b');
  for (const std::string version : {"--http1.1", "--http2"}) {
    SCOPED_TRACE(version);
    const auto code = [&](std::vector<std::string> args, std::string_view input = "") {
      args.insert(args.end(), {version, "-o", "/dev/null", "-w", "%{http_code}"});
      return Curl(Tls(std::move(args)), input).out;
    };
    EXPECT_EQ(code({"-d", large, url_}), "413");
    EXPECT_EQ(code({"-H", "Transfer-Encoding: chunked", "-T", "-", url_}, large), "413");
    EXPECT_EQ(code({"-H", "X-Long: " + std::string(20000, 'h'), url_}), "431");
    EXPECT_EQ(code({"-d", std::string(1000, 'b'), url_}), "200");
    EXPECT_EQ(code({url_ + "/%zz"}), "400");
    EXPECT_EQ(code({url_ + "/silent"}), "500");
  }
}

}  // namespace
}  // namespace keelson::service
