// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/access.h"

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::access {

using auth::Attributes;
using auth::Decision;
using auth::User;
using base::Result;

namespace {

constexpr int64_t kTokenKnownSeconds = 10;
constexpr size_t kMostKnown = 4096;
const std::vector<std::string> kRolePrefixes = {"/registry/clusterroles/",
                                                "/registry/clusterrolebindings/",
                                                "/registry/roles/", "/registry/rolebindings/"};
const std::vector<std::string> kGraphPrefixes = {"/registry/pods/", "/registry/persistentvolumes/",
                                                 "/registry/volumeattachments/"};

json::Value Parse(const watch::Object& object) {
  auto value = json::ParseJson(object.bytes().view());
  return value.ok() ? *std::move(value) : json::Value();
}

// What aggregated roles hold is what their parts hold now, whether or not it was written into them
// already. A role may be a part of another (edit of admin), so a few rounds.
void Aggregate(std::vector<json::Value>& roles) {
  bool changed = true;
  for (int round = 0; changed && round < 5; ++round) {
    changed = false;
    for (json::Value& role : roles) {
      if (!auth::IsAggregated(role)) continue;
      json::Value rules = json::Value::Array();
      for (const auth::PolicyRule& rule : auth::AggregateRules(role, roles))
        rules.Append(auth::ToJson(rule));
      if (role.At({"rules"}) == rules) continue;
      role.Set("rules", std::move(rules));
      changed = true;
    }
  }
}

auth::Credentials CredentialsOf(const service::Request& request) {
  auth::Credentials credentials;
  if (request.peer) {
    credentials.has_certificate = true;
    credentials.certificate_verified = request.peer->verified;
    credentials.common_name = request.peer->common_name;
    credentials.organizations = request.peer->organizations;
    credentials.certificate_sha256 = request.peer->sha256;
  }
  const std::string* header = service::FindHeader(request.headers, "authorization");
  if (header != nullptr) credentials.authorization = *header;
  return credentials;
}

}  // namespace

Access::Access(watch::Cache& cache, const base::Clock& clock, Options options)
    : cache_(cache),
      clock_(clock),
      issuer_(options.issuer),
      signing_key_(options.token_keys.empty() ? std::nullopt
                                              : std::optional<pki::Key>(options.token_keys[0])),
      tokens_({options.issuer}, std::move(options.audiences), std::move(options.token_keys)),
      anonymous_(options.anonymous),
      authorizer_(graph_),
      roles_(cache, kRolePrefixes),
      graph_changes_(cache, kGraphPrefixes) {
  RefreshRoles();
}

Result<User> Access::Identify(const service::Request& request) {
  const auth::Credentials credentials = CredentialsOf(request);
  const bool token = !credentials.certificate_verified && !credentials.authorization.empty();
  const int64_t now = Now();
  if (token) {
    const std::lock_guard lock(known_mutex_);
    const auto known = known_.find(credentials.authorization);
    if (known != known_.end() && now < known->second.until) return known->second.user;
  }
  auth::Authenticators with{.tokens = &tokens_, .objects = this, .anonymous = anonymous_};
  with.find_bootstrap_secret = [this](const std::string& name) { return FindSecret(name); };
  ASSIGN_OR_RETURN(User user, auth::Authenticate(credentials, with, now));
  if (token && user.name != auth::kAnonymous) {
    const std::lock_guard lock(known_mutex_);
    if (known_.size() >= kMostKnown) known_.clear();
    known_[credentials.authorization] = {user, now + kTokenKnownSeconds};
  }
  return user;
}

status::Or<User> Access::Authenticate(const service::Request& request) {
  const Result<User> user = Identify(request);
  if (!user.ok()) {
    base::LogDebug("a request was not authenticated",
                   {{"remote", request.remote}, {"error", user.error()}});
    return status::Unauthorized();
  }
  const auto wanted = auth::ReadImpersonation(*user, request.headers);
  if (!wanted.ok()) return status::BadRequest(wanted.error().message());
  if (!*wanted) return *user;
  for (const Attributes& needed : (*wanted)->needed) {
    const status::Or<bool> may = Authorize(needed);
    if (!may.ok()) return may.failure();
  }
  User acting = (*wanted)->user;
  acting.impersonator = std::make_shared<const User>(*user);
  return acting;
}

Result<User> Access::CheckToken(const std::string& token,
                                const std::vector<std::string>& audiences) {
  if (!tokens_.Ours(token)) {
    auth::Authenticators with{.anonymous = false};
    with.find_bootstrap_secret = [this](const std::string& name) { return FindSecret(name); };
    return auth::Authenticate({.authorization = "Bearer " + token}, with, Now());
  }
  ASSIGN_OR_RETURN(const auth::TokenClaims claims, tokens_.Verify(token, Now(), *this, audiences));
  return auth::UserOf(claims);
}

status::Or<bool> Access::Authorize(const Attributes& attributes) {
  const Decision decision = Decide(attributes);
  if (decision.allowed) return true;
  return status::Forbidden({attributes.group, attributes.resource}, attributes.name,
                           auth::ForbiddenText(attributes, decision.reason));
}

Decision Access::Decide(const Attributes& attributes) {
  if (attributes.user.In(auth::kMasters)) return {true, ""};
  RefreshRoles();
  const bool node = !auth::NodeNameOf(attributes.user).empty();
  if (node) RefreshGraph();
  Decision decision = authorizer_.Authorize(attributes);
  if (decision.allowed || !node) return decision;
  // Another thread may be taking changes just now, the one that allows it among them: a node asks
  // for what a pod needs as soon as it hears of the pod.
  {
    const std::lock_guard lock(graph_mutex_);
  }
  RefreshGraph();
  return authorizer_.Authorize(attributes);
}

std::shared_ptr<const auth::Rbac> Access::rbac() {
  RefreshRoles();
  return authorizer_.rbac();
}

void Access::RefreshRoles() {
  if (!roles_.changed()) return;
  const std::lock_guard lock(roles_mutex_);
  if (!roles_.changed()) return;
  const auto changes = roles_.Take();
  if (!changes.ok()) {
    base::LogWarn("roles cannot be followed, trying again with the next request",
                  {{"error", changes.error()}});
    return;
  }
  if (!changes->anew && changes->events.empty()) return;
  std::vector<auth::Role> roles;
  std::vector<auth::Binding> bindings;
  std::vector<json::Value> cluster_roles;
  const watch::Snapshot snapshot = cache_.Current();
  for (const std::string& prefix : kRolePrefixes)
    snapshot.ForEach(prefix, {}, [&](const watch::ObjectPtr& object) {
      if (prefix.ends_with("bindings/")) {
        bindings.push_back(auth::ReadBinding(Parse(*object)));
      } else if (prefix == kRolePrefixes[0]) {
        cluster_roles.push_back(Parse(*object));
      } else {
        roles.push_back(auth::ReadRole(Parse(*object)));
      }
      return true;
    });
  Aggregate(cluster_roles);
  for (const json::Value& role : cluster_roles) roles.push_back(auth::ReadRole(role));
  authorizer_.SetRbac(std::make_shared<auth::Rbac>(std::move(roles), std::move(bindings)));
}

void Access::RefreshGraph() {
  if (!graph_changes_.changed()) return;
  const std::lock_guard lock(graph_mutex_);
  if (!graph_changes_.changed()) return;
  const auto changes = graph_changes_.Take();
  if (!changes.ok()) {
    base::LogWarn("pods of nodes cannot be followed, trying again with the next request",
                  {{"error", changes.error()}});
    return;
  }
  if (changes->anew) graph_.Clear();
  for (const watch::Delivery& delivery : changes->events) {
    const watch::Object& object = *delivery.object;
    const bool gone = delivery.kind == watch::Kind::kDeleted;
    if (object.key().starts_with(kGraphPrefixes[0])) {
      gone ? graph_.RemovePod(object.ns(), object.name()) : graph_.SetPod(Parse(object));
    } else if (object.key().starts_with(kGraphPrefixes[1])) {
      gone ? graph_.RemoveVolume(object.name()) : graph_.SetVolume(Parse(object));
    } else {
      gone ? graph_.RemoveAttachment(object.name()) : graph_.SetAttachment(Parse(object));
    }
  }
}

json::Value Access::FindSecret(const std::string& name) const {
  const watch::ObjectPtr object = cache_.Find("/registry/secrets/kube-system/" + name);
  return object ? Parse(*object) : json::Value();
}

std::optional<Access::Found> Access::Find(std::string_view resource, std::string_view ns,
                                          std::string_view name) const {
  const std::string key = resource == "nodes"
                              ? fmt::format("/registry/minions/{}", name)
                              : fmt::format("/registry/{}/{}/{}", resource, ns, name);
  const watch::ObjectPtr object = cache_.Find(key);
  if (!object) return std::nullopt;
  Found found{.uid = std::string(object->uid()), .deleted = 0};
  if (object->bytes().view().find("\"deletionTimestamp\"") != std::string_view::npos) {
    const json::Value value = Parse(*object);
    const auto at = base::ParseRfc3339(value.At({"metadata", "deletionTimestamp"}).AsString());
    if (at) found.deleted = *at / 1'000'000'000;
  }
  return found;
}

bool Access::HoldsToken(std::string_view ns, std::string_view secret,
                        std::string_view token) const {
  const watch::ObjectPtr object = cache_.Find(fmt::format("/registry/secrets/{}/{}", ns, secret));
  if (!object) return false;
  const json::Value value = Parse(*object);
  return !value.At({"metadata", "deletionTimestamp"}).IsString() &&
         base::Base64Decode(value.At({"data", "token"}).AsString()) == token;
}

}  // namespace keelson::access
