// SPDX-License-Identifier: Apache-2.0
// TokenRequest: a token for a service account, bound to what it is asked for. Source:
// k8s.io/kubernetes, pkg/registry/core/serviceaccount/storage/token.go (1.35).
#include "lib/base/ids.h"
#include "lib/base/rfc3339.h"
#include "minimal-master/access/access.h"

namespace keelson::access {
namespace {

constexpr int64_t kShortest = 600;
constexpr int64_t kLongest = int64_t{1} << 32;

std::string TimeText(int64_t seconds) { return base::FormatRfc3339(seconds * 1'000'000'000); }

status::Failure BadSeconds(int64_t seconds, std::string_view why) {
  return status::Invalid("authentication.k8s.io", "TokenRequest", "",
                         {{kube::ProblemKind::kInvalid, "spec.expirationSeconds",
                           fmt::format("Invalid value: {}: {}", seconds, why), 0}});
}

}  // namespace

status::Or<json::Value> Access::RequestToken(const std::string& ns, const std::string& account,
                                             json::Value request) {
  const auto of = Find("serviceaccounts", ns, account);
  if (!of) return status::NotFound({"", "serviceaccounts"}, account);
  const json::Value spec = request.At({"spec"});  // a copy: the request grows below
  const json::Value& asked = spec.At({"expirationSeconds"});
  const int64_t seconds = asked.IsNull() ? 3600 : asked.AsInt();
  if (seconds < kShortest)
    return BadSeconds(seconds, "may not specify a duration less than 10 minutes");
  if (seconds > kLongest)
    return BadSeconds(seconds, "may not specify a duration larger than 2^32 seconds");
  const int64_t now = Now();
  auth::TokenClaims claims{.issuer = issuer_,
                           .subject = auth::ServiceAccountName(ns, account),
                           .audiences = {},
                           .expires = now + seconds,
                           .issued = now,
                           .not_before = now,
                           .id = base::NewUuid(),
                           .ns = ns,
                           .service_account = {account, of->uid}};
  for (const json::Value& one : spec.At({"audiences"}).items())
    claims.audiences.push_back(one.AsString());
  if (claims.audiences.empty()) claims.audiences = tokens_.audiences();
  const json::Value& bound = spec.At({"boundObjectRef"});
  if (bound.IsObject()) {
    const std::string& kind = bound.At({"kind"}).AsString();
    const std::string& name = bound.At({"name"}).AsString();
    const std::string& uid = bound.At({"uid"}).AsString();
    const std::string resource = kind == "Pod"      ? "pods"
                                 : kind == "Secret" ? "secrets"
                                 : kind == "Node"   ? "nodes"
                                                    : "";
    if (resource.empty() || bound.At({"apiVersion"}).AsString() != "v1")
      return status::BadRequest(fmt::format("cannot bind token to object of type /{}, Kind={}",
                                            bound.At({"apiVersion"}).AsString(), kind));
    const auto found = Find(resource, ns, name);
    if (!found) return status::NotFound({"", resource}, name);
    if (!uid.empty() && uid != found->uid)
      return status::Conflict(
          {"", kind}, name,
          fmt::format("the UID in the bound object reference ({}) does not match the UID in "
                      "record. The object might have been deleted and then recreated",
                      uid));
    const auth::ObjectId id{name, found->uid};
    if (kind == "Secret") claims.secret = id;
    if (kind == "Node") claims.node = id;
    if (kind == "Pod") {
      claims.pod = id;
      const watch::ObjectPtr object = cache_.Find(fmt::format("/registry/pods/{}/{}", ns, name));
      const auto pod = object ? json::ParseJson(object->bytes().view())
                              : base::Result<json::Value>(json::Value());
      if (pod.ok() && pod->At({"spec", "serviceAccountName"}).AsString() != account)
        return status::BadRequest(
            fmt::format("cannot bind token for serviceaccount \"{}\" to pod running with different "
                        "serviceaccount name.",
                        account));
      const std::string node = pod.ok() ? pod->At({"spec", "nodeName"}).AsString() : "";
      const auto there = node.empty() ? std::nullopt : Find("nodes", "", node);
      if (!node.empty()) claims.node = auth::ObjectId{node, there ? there->uid : ""};
    }
  }
  if (!signing_key_) return status::Internal("there is no key to sign tokens with");
  const auto token = auth::SignToken(*signing_key_, claims);
  if (!token.ok()) return status::Internal(token.error().message());
  json::Value result = json::Value::Object();
  result.Set("token", json::Value(*token));
  result.Set("expirationTimestamp", json::Value(TimeText(claims.expires)));
  if (request.Find("metadata") == nullptr) request.Set("metadata", json::Value::Object());
  json::Value& metadata = *request.Find("metadata");
  metadata.Set("name", json::Value(account));
  metadata.Set("namespace", json::Value(ns));
  metadata.Set("uid", json::Value(base::NewUuid()));
  metadata.Set("creationTimestamp", json::Value(TimeText(now)));
  json::Value seen = spec;
  if (seen.IsNull()) seen = json::Value::Object();
  json::Value audiences = json::Value::Array();
  for (const std::string& one : claims.audiences) audiences.Append(json::Value(one));
  seen.Set("audiences", std::move(audiences));
  if (seen.Find("boundObjectRef") == nullptr) seen.Set("boundObjectRef", json::Value());
  seen.Set("expirationSeconds", json::Value(seconds));
  request.Set("spec", std::move(seen));
  request.Set("status", std::move(result));
  return request;
}

}  // namespace keelson::access
