// SPDX-License-Identifier: Apache-2.0
// Manifests and blobs of one repository, tried at each endpoint in turn; busy answers are retried,
// broken transfers go on where they broke. Bytes are hashed as they are handed on, and never more
// of them than promised. Fetch() may run on several threads. Source: the OCI distribution
// specification 1.1.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

#include "runtime/content/digest.h"
#include "runtime/fetch/authorizer.h"
#include "runtime/fetch/protocol.h"

namespace keelson::fetch {

class RegistryClient {
 public:
  using Sink = std::function<base::Status(std::string_view bytes)>;
  // `authorities`: PEM that the system trusts.
  RegistryClient(Config config, std::string authorities, const std::atomic<bool>* cancel = nullptr);
  base::Result<Reply> Fetch(const Request& request, const Sink& sink);

 private:
  struct Progress;
  struct Target;
  base::Status TryEndpoint(size_t index, bool last, const Request& request, const Sink& sink,
                           http::Client& client, Progress* progress);
  base::Status Attempt(size_t index, const Request& request, const Sink& sink, http::Client& client,
                       Progress* progress, int* retry_after);
  base::Result<http::ResponseHead> Get(size_t index, http::ClientRequest request,
                                       http::Client& client, const http::BodyTaker& taker);
  http::ClientRequest Model(size_t index) const;
  bool Wait(std::chrono::milliseconds delay) const;

  const Config config_;
  const std::string authorities_;
  const std::atomic<bool>* cancel_;
  std::deque<Authorizer> authorizers_;  // one for each endpoint
};

}  // namespace keelson::fetch
