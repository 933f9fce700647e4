// SPDX-License-Identifier: Apache-2.0
// What becomes of bootstrap tokens and of what they sign. Pure. Source: k8s.io/kubernetes,
// pkg/controller/bootstrap (1.35). Times are nanoseconds since the epoch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/apply.h"

namespace keelson::controllers::bootstraptokens {

inline constexpr char kTokens[] = "kube-system";  // where the Secrets are
inline constexpr char kPublic[] = "kube-public";  // where everybody reads
inline constexpr char kInfo[] = "cluster-info";   // the ConfigMap there

// Deletes a token whose time is over, or says when that is; nothing for other Secrets.
Planned PlanToken(const json::Value& secret, int64_t now);

struct SigningToken {
  std::string id;
  std::string secret;
};
// Nothing: it is none, not for signing, or over.
std::optional<SigningToken> ReadSigningToken(const json::Value& secret, int64_t now);
// A detached JWS (RFC 7515, appendix F) by HMAC-SHA-256.
std::string SignDetached(const std::string& content, const SigningToken& token);
// The signature of every token over the kubeconfig, and of no other.
Planned PlanInfo(const json::Value& info, const std::vector<SigningToken>& tokens);

}  // namespace keelson::controllers::bootstraptokens
