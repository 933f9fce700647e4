// SPDX-License-Identifier: Apache-2.0
// Requests to an API server as one user, with answers as JSON values and refusals as errors in the
// server's words. Owns the connection. Everything on the loop's thread; the loop outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/clock.h"
#include "lib/json/value.h"
#include "lib/kube/client/config.h"

namespace keelson::kube {

// Of a refusal: what the server said of it beside the sentence.
struct StatusDetail final : base::ErrorDetail {
  int code = 0;
  std::string reason;  // "Conflict", "Expired", …
  int retry_after_seconds = 0;
};
// 0 when `error` is not a server's answer (no connection, a deadline).
int HttpStatusOf(const base::Error& error);
// An answer of 400 and more as an error; bodies that are no Status are quoted shortly.
base::Error ErrorOf(const multiplex::Reply& reply, const std::string& what);

class Api {
 public:
  Api(os::EventLoop& loop, const base::Clock& clock, ClientConfig config, std::string user_agent);

  using Answer = std::function<void(base::Result<json::Value>)>;
  struct Request {
    std::string method = "GET";
    std::string path;  // "/api/v1/nodes/a", with its query
    std::string content_type = "application/json";
    std::string body;
    std::chrono::milliseconds timeout{30000};
  };
  // Answers above 299 are errors. Never calls back from within.
  multiplex::CallId Send(Request request, Answer answer);
  // As it comes; the caller looks at the status. For watches and logs.
  multiplex::CallId Begin(multiplex::Call call);
  void Cancel(multiplex::CallId id) { client_.Cancel(id); }
  // From the next connection on.
  void SetConfig(ClientConfig config);
  const ClientConfig& config() const { return config_; }
  os::EventLoop& loop() { return loop_; }

 private:
  const std::string& Token();

  os::EventLoop& loop_;
  const base::Clock& clock_;
  ClientConfig config_;
  const std::string user_agent_;
  multiplex::Client client_;
  std::string token_;
  base::SteadyTime token_read_{};
};

}  // namespace keelson::kube
