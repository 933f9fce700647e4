// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 request that becomes a stream: strict reading, and the decision which protocol is
// spoken afterwards. A client that names none of ours is refused with a sentence. Pure. Sources:
// RFC 9112, RFC 6455, Kubernetes' X-Stream-Protocol-Version.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

constexpr size_t kMaxHeadBytes = 16u << 10;

struct HttpRequest {
  std::string method;
  std::string path;
  std::string query;  // as it came
  // Names in lower case; one entry for each line of that name.
  std::map<std::string, std::vector<std::string>, std::less<>> headers;
};
// `head` ends with the empty line.
base::Result<HttpRequest> ParseHead(std::string_view head);

enum class Spoken : uint8_t { kSpdy, kWebSocket, kTunnel /* SPDY inside WebSocket */ };

struct Upgrade {
  Kind kind = Kind::kExec;
  std::string token;
  Spoken spoken = Spoken::kSpdy;
  int version = 4;              // exec, attach: of the streams' protocol
  std::string subprotocol;      // WebSocket's, "" where the client named none
  std::vector<uint16_t> ports;  // of the query, for port-forward over WebSocket's channels
  std::string answer;           // "101 Switching Protocols" and its headers
};
struct Refusal {
  int status = 400;
  std::string sentence;
  std::vector<std::string> headers;  // "Name: value"
};
std::variant<Upgrade, Refusal> PlanUpgrade(const HttpRequest& request);

std::string FormatRefusal(const Refusal& refusal);

}  // namespace keelson::stream
