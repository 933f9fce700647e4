// SPDX-License-Identifier: Apache-2.0
// What to put into Authorization for one endpoint: nothing, Basic, or a bearer token fetched from
// where the registry's challenge points. Tokens are kept until refused. Credentials go over TLS
// only, unless the endpoint itself is plain http by configuration. Thread-safe; fetches a token at
// most once at a time. Source: the distribution project's token authentication.
#pragma once

#include <mutex>
#include <string>

#include "lib/base/result.h"
#include "lib/http/client/client.h"
#include "runtime/fetch/protocol.h"

namespace keelson::fetch {

class Authorizer {
 public:
  Authorizer(const Endpoint& endpoint, std::string repository)
      : endpoint_(endpoint), repository_(std::move(repository)) {}
  std::string Header() const;  // "" when there is nothing to say (yet)
  // After a 401 to a request that carried `used`: the header to try next; Unauthenticated when
  // there is none.
  base::Result<std::string> Answer(http::Client& client, const http::ClientRequest& model,
                                   const http::ResponseHead& refusal, const std::string& used);

 private:
  base::Result<std::string> FetchToken(http::Client& client, const http::ClientRequest& model,
                                       const std::string& realm, const std::string& service);

  const Endpoint& endpoint_;
  const std::string repository_;
  mutable std::mutex mutex_;
  std::mutex fetching_;
  std::string header_;
};

}  // namespace keelson::fetch
