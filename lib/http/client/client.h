// SPDX-License-Identifier: Apache-2.0
// One HTTP request after another over kept connections. TLS is verified against the system's
// authorities and those given; proxies come from the environment; redirects are answers like
// others. Blocking; a Client belongs to one thread, Cancel flag aside. Source: libcurl's easy
// interface.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct TlsOptions {
  std::string authorities_pem;  // all that are trusted; empty: the system's file
  std::string certificate_pem;  // of this client, with key_pem
  std::string key_pem;
  bool skip_verify = false;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::string unix_socket;  // connect to this instead of the URL's host, past any proxy
  Headers headers;
  std::optional<std::string> body;
  TlsOptions tls;
  std::chrono::milliseconds connect_timeout{30000};
  // Fails with DeadlineExceeded when nothing arrives for so long; time that the body's taker needs
  // does not count.
  std::chrono::milliseconds no_progress_timeout{300000};
};

struct ResponseHead {
  int status = 0;
  Headers headers;                                          // names in lower case
  std::string Get(std::string_view lower_case_name) const;  // the first of that name, or ""
  std::vector<std::string> GetAll(std::string_view lower_case_name) const;
};

// Called with each piece of the body, in order; an error ends the request with it.
using BodyTaker = std::function<base::Status(const ResponseHead& head, std::string_view piece)>;

class Client {
 public:
  // `cancel`, when given, outlives the client: once true, requests end with Cancelled.
  explicit Client(const std::atomic<bool>* cancel = nullptr);
  ~Client();
  Client(Client&&) noexcept;

  // An answer of any status is success. A connection that could not be made or broke is
  // Unavailable.
  base::Result<ResponseHead> Perform(const ClientRequest& request, const BodyTaker& taker);
  // The body in memory; more than `limit` bytes are ResourceExhausted.
  base::Result<std::pair<ResponseHead, std::string>> PerformToString(const ClientRequest& request,
                                                                     size_t limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Says in an Unavailable error that no connection came about, so that nothing was asked yet.
struct NotConnected final : base::ErrorDetail {};

}  // namespace keelson::http
