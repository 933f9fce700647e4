// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/upgrade.h"

#include <gtest/gtest.h>

namespace keelson::stream {
namespace {

constexpr std::string_view kToken = "0123456789abcdef0123456789abcdef";

std::variant<Upgrade, Refusal> Plan(const std::string& line, const std::string& headers) {
  const auto request = ParseHead(line + " HTTP/1.1\r\nHost: node\r\n" + headers + "\r\n");
  EXPECT_TRUE(request.ok()) << request.error().message();
  return request.ok() ? PlanUpgrade(*request) : Refusal{};
}

const std::string kSpdy = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
const std::string kWebSocket =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

TEST(Upgrade, ToSpdyTakesTheClientsFirstVersionThatIsKnown) {
  const auto plan = Plan("POST /exec/" + std::string(kToken) + "?x=1",
                         kSpdy +
                             "X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"
                             "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"
                             "X-Stream-Protocol-Version: v3.channel.k8s.io\r\n");
  const Upgrade& upgrade = std::get<Upgrade>(plan);
  EXPECT_EQ(upgrade.kind, Kind::kExec);
  EXPECT_EQ(upgrade.token, kToken);
  EXPECT_EQ(upgrade.spoken, Spoken::kSpdy);
  EXPECT_EQ(upgrade.version, 4);
  EXPECT_EQ(upgrade.answer,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n");
  const auto old = Plan("GET /attach/" + std::string(kToken),
                        kSpdy + "X-Stream-Protocol-Version: channel.k8s.io\r\n");
  EXPECT_EQ(std::get<Upgrade>(old).version, 1);
}

TEST(Upgrade, ToWebSocketNamesTheSubprotocol) {
  const auto plan = Plan("GET /exec/" + std::string(kToken),
                         kWebSocket + "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n");
  const Upgrade& upgrade = std::get<Upgrade>(plan);
  EXPECT_EQ(upgrade.spoken, Spoken::kWebSocket);
  EXPECT_EQ(upgrade.version, 5);
  EXPECT_NE(upgrade.answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"),
            std::string::npos);
  const auto none = Plan("GET /exec/" + std::string(kToken), kWebSocket);
  EXPECT_EQ(std::get<Upgrade>(none).version, 1);
  const auto tunnel = Plan("GET /portforward/" + std::string(kToken),
                           kWebSocket + "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n");
  EXPECT_EQ(std::get<Upgrade>(tunnel).spoken, Spoken::kTunnel);
  const auto ports = Plan("GET /portforward/" + std::string(kToken) + "?port=80,81&port=82",
                          kWebSocket + "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n");
  EXPECT_EQ(std::get<Upgrade>(ports).ports, (std::vector<uint16_t>{80, 81, 82}));
}

TEST(Upgrade, RefusesWithASentence) {
  const std::string good = "/exec/" + std::string(kToken);
  const std::string v4 = "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n";
  const struct {
    std::string_view name;
    std::string line;
    std::string headers;
    int status;
  } cases[] = {
      {"unknown path", "GET /run/" + std::string(kToken), kSpdy + v4, 404},
      {"no token", "GET /exec/", kSpdy + v4, 404},
      {"short token", "GET /exec/abc", kSpdy + v4, 404},
      {"token in capitals", "GET /exec/0123456789ABCDEF0123456789ABCDEF", kSpdy + v4, 404},
      {"more path", "GET " + good + "/x", kSpdy + v4, 404},
      {"another method", "PUT " + good, kSpdy + v4, 405},
      {"no upgrade", "GET " + good, v4, 400},
      {"another upgrade", "GET " + good, "Connection: Upgrade\r\nUpgrade: h2c\r\n", 400},
      {"a body", "POST " + good, kSpdy + v4 + "Content-Length: 3\r\n", 400},
      {"a chunked body", "POST " + good, kSpdy + v4 + "Transfer-Encoding: chunked\r\n", 400},
      {"no version", "GET " + good, kSpdy, 400},
      {"no version in common", "GET " + good,
       kSpdy + "X-Stream-Protocol-Version: v9.channel.k8s.io\r\n", 403},
      {"portforward's version for exec", "GET " + good,
       kSpdy + "X-Stream-Protocol-Version: portforward.k8s.io\r\n", 403},
      {"no subprotocol in common", "GET " + good, kWebSocket + "Sec-WebSocket-Protocol: chat\r\n",
       403},
      {"a WebSocket by POST", "POST " + good, kWebSocket, 405},
      {"a WebSocket without a key", "GET " + good,
       "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400},
      {"an old WebSocket", "GET " + good,
       "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
       426},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto plan = Plan(c.line, c.headers);
    ASSERT_TRUE(std::holds_alternative<Refusal>(plan));
    const Refusal& refusal = std::get<Refusal>(plan);
    EXPECT_EQ(refusal.status, c.status) << refusal.sentence;
    const std::string text = FormatRefusal(refusal);
    EXPECT_NE(text.find(refusal.sentence), std::string::npos);
    EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos);
  }
}

TEST(Upgrade, ReadsHeadsStrictly) {
  for (const std::string_view head :
       {"GET / HTTP/1.0\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nbad\r\n\r\n",
        "GET / HTTP/1.1\r\nname : x\r\n\r\n", "GET / HTTP/1.1\r\nA: x\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: x\ny\r\n\r\n", "GET / HTTP/1.1\r\n", "\r\n\r\n"})
    EXPECT_FALSE(ParseHead(head).ok()) << head;
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 65; ++i) many += "A: b\r\n";
  EXPECT_FALSE(ParseHead(many + "\r\n").ok());
}

}  // namespace
}  // namespace keelson::stream
