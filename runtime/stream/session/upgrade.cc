// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/upgrade.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "lib/base/strings.h"
#include "lib/http/websocket/channels.h"
#include "lib/http/websocket/framing.h"

namespace keelson::stream {
namespace {

using base::Result;

constexpr size_t kMaxHeaders = 64;
constexpr std::string_view kVersionHeader = "x-stream-protocol-version";
constexpr std::string_view kTunnel = "SPDY/3.1+portforward.k8s.io";

bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

base::Status ParseRequestLine(std::string_view line, HttpRequest& request) {
  const std::vector<std::string_view> parts = base::Split(line, ' ');
  if (parts.size() != 3 || !IsToken(parts[0]) || !parts[1].starts_with('/'))
    return base::InvalidArgument("not a request of HTTP");
  if (parts[2] != "HTTP/1.1") return base::InvalidArgument("only HTTP/1.1 is spoken here");
  request.method = parts[0];
  const size_t question = parts[1].find('?');
  request.path = parts[1].substr(0, question);
  if (question != std::string_view::npos) request.query = parts[1].substr(question + 1);
  return base::Ok();
}

const std::vector<std::string>& ValuesOf(const HttpRequest& request, std::string_view name) {
  static const std::vector<std::string> none;
  const auto it = request.headers.find(name);
  return it == request.headers.end() ? none : it->second;
}

// Whether a list of words in header lines has this one, in any case.
bool Lists(const HttpRequest& request, std::string_view name, std::string_view word) {
  for (const std::string_view item : websocket::ListedNames(ValuesOf(request, name))) {
    if (base::ToLower(item) == word) return true;
  }
  return false;
}

std::vector<std::string_view> StreamProtocols(Kind kind) {
  if (kind == Kind::kPortForward) return {"portforward.k8s.io"};
  return {"v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"};
}

std::vector<std::string_view> Subprotocols(Kind kind) {
  if (kind == Kind::kPortForward)
    return {kTunnel, "v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""};
  return {"v5.channel.k8s.io", "v4.channel.k8s.io",     "v4.base64.channel.k8s.io",
          "channel.k8s.io",    "base64.channel.k8s.io", ""};
}

int VersionOf(std::string_view protocol) {
  return protocol.size() > 2 && protocol[0] == 'v' ? protocol[1] - '0' : 1;
}

std::string JoinNames(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!name.empty()) out += (out.empty() ? "" : ", ") + std::string(name);
  }
  return out;
}

std::optional<std::pair<Kind, std::string>> ParsePath(const std::string& path) {
  for (const Kind kind : {Kind::kExec, Kind::kAttach, Kind::kPortForward}) {
    const std::string prefix = "/" + std::string(NameOf(kind)) + "/";
    if (!path.starts_with(prefix)) continue;
    std::string token = path.substr(prefix.size());
    if (token.size() != 32 || token.find_first_not_of("0123456789abcdef") != std::string::npos)
      return std::nullopt;
    return std::pair(kind, std::move(token));
  }
  return std::nullopt;
}

// port=80&port=81 and port=80,81; digits and commas need no decoding.
std::vector<uint16_t> PortsOf(std::string_view query) {
  std::vector<uint16_t> ports;
  for (const std::string_view field : base::Split(query, '&')) {
    const size_t equals = field.find('=');
    const std::string_view name = field.substr(0, equals);
    if (equals == std::string_view::npos || (name != "port" && name != "ports")) continue;
    for (const std::string_view text : base::Split(field.substr(equals + 1), ',')) {
      const std::optional<uint64_t> port = base::ParseUint64(text);
      if (!port.has_value() || *port == 0 || *port > 65535) return {};
      ports.push_back(static_cast<uint16_t>(*port));
    }
  }
  return ports;
}

std::variant<Upgrade, Refusal> PlanSpdy(const HttpRequest& request, Upgrade upgrade) {
  const std::vector<std::string_view> ours = StreamProtocols(upgrade.kind);
  const std::vector<std::string>& asked = ValuesOf(request, kVersionHeader);
  if (websocket::ListedNames(asked).empty())
    return Refusal{400, "the header X-Stream-Protocol-Version is missing", {}};
  const std::optional<std::string_view> chosen = websocket::Negotiate(asked, ours);
  if (!chosen.has_value()) {
    Refusal refusal{403,
                    fmt::format("no stream protocol in common: the client knows {}, here are {}",
                                JoinNames(websocket::ListedNames(asked)), JoinNames(ours)),
                    {}};
    for (const std::string_view name : ours)
      refusal.headers.push_back("X-Accepted-Stream-Protocol-Versions: " + std::string(name));
    return refusal;
  }
  upgrade.spoken = Spoken::kSpdy;
  upgrade.version = VersionOf(*chosen);
  upgrade.answer = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
      "X-Stream-Protocol-Version: {}\r\n\r\n",
      *chosen);
  return upgrade;
}

std::variant<Upgrade, Refusal> PlanWebSocket(const HttpRequest& request, Upgrade upgrade) {
  const std::vector<std::string>& keys = ValuesOf(request, "sec-websocket-key");
  if (request.method != "GET") return Refusal{405, "a WebSocket begins with GET", {"Allow: GET"}};
  if (keys.size() != 1 || !websocket::IsKey(keys[0]))
    return Refusal{400, "the header Sec-WebSocket-Key is missing or no key", {}};
  if (!Lists(request, "sec-websocket-version", "13"))
    return Refusal{426, "only version 13 of WebSocket is spoken", {"Sec-WebSocket-Version: 13"}};
  const std::vector<std::string>& asked = ValuesOf(request, "sec-websocket-protocol");
  const std::vector<std::string_view> ours = Subprotocols(upgrade.kind);
  const std::optional<std::string_view> chosen = websocket::Negotiate(asked, ours);
  if (!chosen.has_value())
    return Refusal{403,
                   fmt::format("no subprotocol in common: the client knows {}, here are {}",
                               JoinNames(websocket::ListedNames(asked)), JoinNames(ours)),
                   {}};
  upgrade.subprotocol = *chosen;
  upgrade.spoken = *chosen == kTunnel ? Spoken::kTunnel : Spoken::kWebSocket;
  if (const websocket::Subprotocol* known = websocket::FindSubprotocol(*chosen); known != nullptr)
    upgrade.version = known->version;
  upgrade.ports = PortsOf(request.query);
  upgrade.answer =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Accept: " +
      websocket::AcceptKey(keys[0]) + "\r\n";
  if (!chosen->empty()) upgrade.answer += fmt::format("Sec-WebSocket-Protocol: {}\r\n", *chosen);
  upgrade.answer += "\r\n";
  return upgrade;
}

}  // namespace

Result<HttpRequest> ParseHead(std::string_view head) {
  HttpRequest request;
  size_t count = 0;
  for (bool first = true;; first = false) {
    const size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return base::InvalidArgument("a head without an end");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
      return base::InvalidArgument("a control character in the head");
    if (first) {
      RETURN_IF_ERROR(ParseRequestLine(line, request));
      continue;
    }
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon)))
      return base::InvalidArgument("a header line that is none");
    if (++count > kMaxHeaders) return base::ResourceExhausted("more than {} headers", kMaxHeaders);
    request.headers[base::ToLower(line.substr(0, colon))].emplace_back(
        base::Trim(line.substr(colon + 1)));
  }
  return request;
}

std::variant<Upgrade, Refusal> PlanUpgrade(const HttpRequest& request) {
  Upgrade upgrade;
  auto parsed = ParsePath(request.path);
  if (!parsed.has_value()) return Refusal{404, "no stream has this address", {}};
  std::tie(upgrade.kind, upgrade.token) = std::move(*parsed);
  if (request.method != "GET" && request.method != "POST")
    return Refusal{405, "streams begin with GET or POST", {"Allow: GET, POST"}};
  // A body would be taken for the stream's first bytes.
  const std::vector<std::string>& lengths = ValuesOf(request, "content-length");
  const bool body = std::any_of(lengths.begin(), lengths.end(),
                                [](const std::string& length) { return length != "0"; });
  if (body || request.headers.contains("transfer-encoding"))
    return Refusal{400, "a request with a body cannot become a stream", {}};
  if (!Lists(request, "connection", "upgrade"))
    return Refusal{400, "streams are spoken after an upgrade to SPDY/3.1 or WebSocket", {}};
  if (Lists(request, "upgrade", "websocket")) return PlanWebSocket(request, std::move(upgrade));
  if (Lists(request, "upgrade", "spdy/3.1")) return PlanSpdy(request, std::move(upgrade));
  return Refusal{400, "the upgrade is neither to SPDY/3.1 nor to websocket", {}};
}

std::string FormatRefusal(const Refusal& refusal) {
  const std::string_view reason = [&]() -> std::string_view {
    switch (refusal.status) {
      case 400:
        return "Bad Request";
      case 403:
        return "Forbidden";
      case 404:
        return "Not Found";
      case 405:
        return "Method Not Allowed";
      case 408:
        return "Request Timeout";
      case 426:
        return "Upgrade Required";
      case 431:
        return "Request Header Fields Too Large";
      case 503:
        return "Service Unavailable";
      default:
        return "Error";
    }
  }();
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", refusal.status, reason);
  for (const std::string& header : refusal.headers) out += header + "\r\n";
  out += fmt::format(
      "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
      "Connection: close\r\nContent-Length: {}\r\n\r\n{}\n",
      refusal.sentence.size() + 1, refusal.sentence);
  return out;
}

}  // namespace keelson::stream
