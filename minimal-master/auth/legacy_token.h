// SPDX-License-Identifier: Apache-2.0
// The older kind of a service account's token: it lies in a Secret and is good as long as that and
// the account are there. Pure. Source: k8s.io/kubernetes, pkg/serviceaccount/legacy.go (1.35).
#pragma once

#include <optional>

#include "lib/json/value.h"
#include "minimal-master/auth/token.h"

namespace keelson::auth {

inline constexpr char kLegacyIssuer[] = "kubernetes/serviceaccount";

base::Result<std::string> SignLegacyToken(const pki::Key& key, const std::string& ns,
                                          const ObjectId& account, const std::string& secret);
// What the claims of such a token say; nothing: it is no such token, or says it badly.
std::optional<TokenClaims> ReadLegacyClaims(const json::Value& claims);

}  // namespace keelson::auth
