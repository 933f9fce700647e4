// SPDX-License-Identifier: Apache-2.0
// Tokens with which new machines ask for their first certificate: "abcdef.0123456789abcdef", kept
// in Secrets of kube-system. Pure. Source: k8s.io/cluster-bootstrap (1.35).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/auth/user.h"

namespace keelson::auth {

// Whether `token` has the form of one; `id` and `secret` are its halves.
bool SplitBootstrapToken(std::string_view token, std::string_view& id, std::string_view& secret);
inline std::string BootstrapSecretName(std::string_view id) {
  return "bootstrap-token-" + std::string(id);
}
// `object`: the Secret of that name in kube-system. `now` in seconds since the epoch.
base::Result<User> CheckBootstrapToken(std::string_view token, const json::Value& object,
                                       int64_t now);
// The cleaner's question: the Secret is a bootstrap token whose time is over.
bool BootstrapTokenExpired(const json::Value& object, int64_t now);

}  // namespace keelson::auth
