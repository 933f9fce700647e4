// SPDX-License-Identifier: Apache-2.0
// Who a request comes from: a client certificate, else a bearer token, else nobody. What was shown
// and is not good is refused, also where nobody would be let in. And in whose name it wants to act.
// Pure but for what BoundObjects and the finder of Secrets look up; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/auth/attributes.h"
#include "minimal-master/auth/token.h"

namespace keelson::auth {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct Credentials {
  // Of a client certificate, if there was one.
  bool has_certificate = false;
  bool certificate_verified = false;
  std::string common_name;
  std::vector<std::string> organizations;
  std::string certificate_sha256;  // hexadecimal
  std::string authorization;       // the header
};

struct Authenticators {
  const TokenVerifier* tokens = nullptr;
  const BoundObjects* objects = nullptr;
  // A Secret of kube-system, null when it is not there.
  std::function<json::Value(const std::string& name)> find_bootstrap_secret;
  bool anonymous = true;
};

// Unauthenticated: the client is told 401 Unauthorized, the log the rest.
base::Result<User> Authenticate(const Credentials& credentials, const Authenticators& with,
                                int64_t now);

// What Impersonate-* headers ask for: the user to be, and what must be allowed first. Nothing:
// there are none. InvalidArgument: 400 with this text.
struct Impersonation {
  User user;
  std::vector<Attributes> needed;  // their `user` is the one who asks
};
base::Result<std::optional<Impersonation>> ReadImpersonation(const User& asker,
                                                             const Headers& headers);

}  // namespace keelson::auth
