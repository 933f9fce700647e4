// SPDX-License-Identifier: Apache-2.0
// Requests to one server side by side over one HTTP/2 connection with TLS, on the caller's event
// loop: short ones gathered, long ones (a watch, a log) piece by piece. Connects when something is
// asked and connects anew for the next request when the connection broke; nothing is repeated by
// itself. A server that says nothing is pinged; one that does not answer that is gone. Everything
// on the loop's thread, which the client must not outlive. Source: RFC 9113.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/service/message.h"
#include "lib/http/service/options.h"
#include "lib/os/event_loop.h"

namespace keelson::multiplex {

// Whom to talk to. PEM texts; without authorities `any_peer` must be set, or nothing is dialled.
struct Target {
  std::string host;  // a name or an address
  int port = 443;
  std::string server_name;  // whom the certificate must name; empty: host
  std::string authorities;
  bool any_peer = false;
  service::Trust trust = service::Trust::kAuthorities;
  std::string certificate;  // shown, with its key; may be empty
  std::string key;
};

struct Reply {
  int status = 0;
  service::Fields headers;
  std::string body;  // empty where pieces were taken
};

struct Call {
  std::string method = "GET";
  std::string path;         // "/api/v1/pods?limit=5", escaped
  service::Fields headers;  // names in any case
  std::string body;
  // Until the answer is whole; of a call with `on_piece`: until its head is there.
  std::chrono::milliseconds timeout{30000};
  size_t max_body = size_t{256} << 20;  // more of a gathered answer is ResourceExhausted
  // Each piece of an answer of 200; others are gathered. May cancel the call.
  std::function<void(std::string_view)> on_piece;
  // Once, unless cancelled. An answer of any status is success; Unavailable: no connection or a
  // broken one; DeadlineExceeded.
  std::function<void(base::Result<Reply>)> done;
};

using CallId = uint64_t;

class Client {
 public:
  struct Options {
    std::chrono::milliseconds dial_timeout{10000};
    std::chrono::milliseconds ping_after{30000};  // of silence while calls are open
    std::chrono::milliseconds ping_timeout{15000};
  };
  Client(os::EventLoop& loop, Target target, Options options);
  Client(os::EventLoop& loop, Target target) : Client(loop, std::move(target), Options()) {}
  ~Client();  // calls end without a word
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `done` is never called from within.
  CallId Begin(Call call);
  void Cancel(CallId id);  // unknown ones are fine
  // For the next connection: certificates that were renewed, another address. Open calls go on.
  void SetTarget(Target target);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::multiplex
