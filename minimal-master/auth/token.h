// SPDX-License-Identifier: Apache-2.0
// Service accounts' tokens: JWTs signed with the cluster's key, bound to a pod, node or secret, and
// what makes one valid. Pure: keys, time and the objects they are bound to are handed in. Source:
// k8s.io/kubernetes, pkg/serviceaccount (1.35), RFC 7519.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/auth/user.h"
#include "minimal-master/pki/key.h"

namespace keelson::auth {

struct ObjectId {
  std::string name;
  std::string uid;
};

struct TokenClaims {
  std::string issuer;
  std::string subject;  // "system:serviceaccount:ns:name"
  std::vector<std::string> audiences;
  int64_t expires = 0;  // seconds since the epoch
  int64_t issued = 0;
  int64_t not_before = 0;
  std::string id;  // jti
  std::string ns;
  ObjectId service_account;
  std::optional<ObjectId> pod;
  std::optional<ObjectId> node;  // of the pod, or what the token is bound to
  std::optional<ObjectId> secret;
  int64_t warn_after = 0;  // 0: none
};

base::Result<std::string> SignToken(const pki::Key& key, const TokenClaims& claims);

// What is there of the objects that tokens name. Called on any thread.
class BoundObjects {
 public:
  virtual ~BoundObjects() = default;
  struct Found {
    std::string uid;
    int64_t deleted = 0;  // seconds since the epoch of its deletionTimestamp; 0: not being deleted
  };
  // "serviceaccounts", "pods", "secrets"; "nodes" without a namespace. Nothing: it is not there.
  virtual std::optional<Found> Find(std::string_view resource, std::string_view ns,
                                    std::string_view name) const = 0;
  // Whether this Secret holds exactly this token, and is not on its way out.
  virtual bool HoldsToken(std::string_view /*ns*/, std::string_view /*secret*/,
                          std::string_view /*token*/) const {
    return false;
  }
};

class TokenVerifier {
 public:
  // The first issuer is the one that tokens are made with; keys that signed once are still good.
  TokenVerifier(std::vector<std::string> issuers, std::vector<std::string> audiences,
                std::vector<pki::Key> keys)
      : issuers_(std::move(issuers)), audiences_(std::move(audiences)), keys_(std::move(keys)) {}

  // Whether `token` claims to be of one of our issuers; nothing is checked besides.
  bool Ours(std::string_view token) const;
  // Signature, issuer, time, audience (`wanted`, else the server's own), and that what it is bound
  // to is there still. Unauthenticated with the reason, which clients are not told.
  base::Result<TokenClaims> Verify(std::string_view token, int64_t now, const BoundObjects& objects,
                                   const std::vector<std::string>& wanted = {}) const;
  const std::vector<std::string>& audiences() const { return audiences_; }

 private:
  const std::vector<std::string> issuers_;
  const std::vector<std::string> audiences_;
  base::Result<TokenClaims> VerifyLegacy(TokenClaims claims, std::string_view token, int64_t now,
                                         const BoundObjects& objects,
                                         const std::vector<std::string>& wanted) const;

  const std::vector<pki::Key> keys_;
};

User UserOf(const TokenClaims& claims);

}  // namespace keelson::auth
