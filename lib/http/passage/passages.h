// SPDX-License-Identifier: Apache-2.0
// Hands exchanges of a `service::Server` on to other servers. One event-loop thread for all of
// them, no thread per request; neither side is read faster than the other takes. Thread-safe. The
// destructor cuts off what is under way. Exchanges may outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/http/passage/response.h"
#include "lib/http/service/exchange.h"
#include "lib/http/service/options.h"

struct ssl_ctx_st;

namespace keelson::passage {

using Tls = std::shared_ptr<ssl_ctx_st>;
// What is shown and who is trusted, all PEM and each may be empty: without authorities any peer is
// taken for whom it is meant to be.
base::Result<Tls> MakeTls(const std::string& certificate, const std::string& key,
                          const std::string& authorities,
                          service::Trust trust = service::Trust::kAuthorities);

struct Outbound {
  std::string host;  // a name or an address
  int port = 0;
  Tls tls;  // null: without
  std::string method = "GET";
  std::string target;       // "/a?b=c", escaped
  service::Fields headers;  // Host and Content-Length are added when they are not there
  std::string body;
  bool upgrade = false;  // `headers` ask for one; 101 makes a tunnel
};

// What becomes of answers. Called on the passages' thread or Begin's; must not block.
struct Terms {
  // No answer came, and nothing was sent to the client yet. The message is put as Go's: "dial tcp
  // 10.0.0.1:10250: connect: connection refused".
  std::function<void(service::Exchange&, const base::Error&)> failed;
  // What the client gets as head; may be empty.
  std::function<void(Head&)> rewrite;
  // Answers that are not passed on: the beginning of the body is gathered for refuse(). May be
  // empty.
  std::function<bool(const Head&)> is_refusal;
  std::function<void(service::Exchange&, const Head&, const std::string& body)> refuse;
};

// Without what belongs to one connection (Connection, Upgrade, Transfer-Encoding and the like).
service::Fields EndToEnd(const service::Fields& headers);

class Passages {
 public:
  struct Options {
    std::chrono::milliseconds dial_timeout{30000};  // connection and handshake
    size_t refusal_bytes = 10000;
  };
  static base::Result<std::unique_ptr<Passages>> Start(Options options);
  ~Passages();
  Passages(const Passages&) = delete;
  Passages& operator=(const Passages&) = delete;

  // Looks names up, which may block; the rest happens later.
  void Begin(std::shared_ptr<service::Exchange> exchange, Outbound outbound, Terms terms);
  size_t open() const;

 private:
  struct State;
  explicit Passages(std::shared_ptr<State> state) : state_(std::move(state)) {}
  const std::shared_ptr<State> state_;
};

}  // namespace keelson::passage
