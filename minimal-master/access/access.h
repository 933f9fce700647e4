// SPDX-License-Identifier: Apache-2.0
// Who a request comes from and whether that one may, by what the cluster's objects say now.
// Thread-safe; changes of roles and bindings count within a moment of their commit. `cache` and
// `clock` outlive it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "lib/http/service/message.h"
#include "minimal-master/access/follower.h"
#include "minimal-master/auth/authenticate.h"
#include "minimal-master/auth/authorizer.h"
#include "minimal-master/status/failure.h"

namespace keelson::access {

class Access final : public auth::BoundObjects {
 public:
  struct Options {
    std::string issuer = "https://kubernetes.default.svc.cluster.local";
    std::vector<std::string> audiences = {"https://kubernetes.default.svc.cluster.local"};
    std::vector<pki::Key> token_keys;  // the first one signs
    bool anonymous = true;
  };
  Access(watch::Cache& cache, const base::Clock& clock, Options options);

  // By certificate, token or neither, and as whom else it wants to act if it may.
  status::Or<auth::User> Authenticate(const service::Request& request);
  // For reviews of tokens: the token alone, for these audiences (empty: the server's).
  base::Result<auth::User> CheckToken(const std::string& token,
                                      const std::vector<std::string>& audiences);
  // A TokenRequest of the service account with its status filled in, as upstream answers it.
  status::Or<json::Value> RequestToken(const std::string& ns, const std::string& account,
                                       json::Value request);
  // True, or 403 in upstream's words.
  status::Or<bool> Authorize(const auth::Attributes& attributes);
  auth::Decision Decide(const auth::Attributes& attributes);
  // The roles as they are now: for the check against escalation and reviews of rules.
  std::shared_ptr<const auth::Rbac> rbac();

  std::optional<Found> Find(std::string_view resource, std::string_view ns,
                            std::string_view name) const override;
  bool HoldsToken(std::string_view ns, std::string_view secret,
                  std::string_view token) const override;

  int64_t WallNanos() const { return clock_.WallNanos(); }

 private:
  base::Result<auth::User> Identify(const service::Request& request);
  json::Value FindSecret(const std::string& name) const;
  void RefreshRoles();
  void RefreshGraph();
  int64_t Now() const { return clock_.WallNanos() / 1'000'000'000; }

  watch::Cache& cache_;
  const base::Clock& clock_;
  const std::string issuer_;
  const std::optional<pki::Key> signing_key_;
  const auth::TokenVerifier tokens_;
  const bool anonymous_;
  auth::NodeGraph graph_;
  auth::Authorizer authorizer_;

  std::mutex roles_mutex_;
  Follower roles_;  // guarded by roles_mutex_
  std::mutex graph_mutex_;
  Follower graph_changes_;  // guarded by graph_mutex_

  // Tokens whose signature was good a moment ago: by the token, for some seconds.
  struct Known {
    auth::User user;
    int64_t until = 0;
  };
  std::mutex known_mutex_;
  std::unordered_map<std::string, Known> known_;  // guarded by known_mutex_
};

}  // namespace keelson::access
