// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/legacy_token.h"

namespace keelson::auth {
namespace {

using json::Value;

constexpr char kNamespace[] = "kubernetes.io/serviceaccount/namespace";
constexpr char kSecret[] = "kubernetes.io/serviceaccount/secret.name";
constexpr char kAccount[] = "kubernetes.io/serviceaccount/service-account.name";
constexpr char kAccountUid[] = "kubernetes.io/serviceaccount/service-account.uid";

}  // namespace

base::Result<std::string> SignLegacyToken(const pki::Key& key, const std::string& ns,
                                          const ObjectId& account, const std::string& secret) {
  Value header = Value::Object();
  header.Set("alg", Value(key.Algorithm()));
  header.Set("kid", Value(key.Id()));
  Value body = Value::Object();
  body.Set("iss", Value(kLegacyIssuer));
  body.Set(kNamespace, Value(ns));
  body.Set(kSecret, Value(secret));
  body.Set(kAccount, Value(account.name));
  body.Set(kAccountUid, Value(account.uid));
  body.Set("sub", Value(ServiceAccountName(ns, account.name)));
  std::string text = pki::Base64UrlEncode(json::WriteJson(header)) + "." +
                     pki::Base64UrlEncode(json::WriteJson(body));
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(text));
  return text + "." + pki::Base64UrlEncode(signature);
}

std::optional<TokenClaims> ReadLegacyClaims(const Value& claims) {
  if (claims.At({"iss"}).AsString() != kLegacyIssuer) return std::nullopt;
  TokenClaims out;
  out.issuer = kLegacyIssuer;
  out.subject = claims.At({"sub"}).AsString();
  out.ns = claims.At({kNamespace}).AsString();
  out.service_account = {claims.At({kAccount}).AsString(), claims.At({kAccountUid}).AsString()};
  out.secret = ObjectId{claims.At({kSecret}).AsString(), ""};
  if (out.ns.empty() || out.secret->name.empty() || out.service_account.name.empty() ||
      out.subject != ServiceAccountName(out.ns, out.service_account.name))
    return std::nullopt;
  return out;
}

}  // namespace keelson::auth
