// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/token.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "minimal-master/auth/legacy_token.h"

namespace keelson::auth {

using base::Result;
using json::Value;

namespace {

constexpr int64_t kLeeway = 60;  // of clocks, and of objects on their way out
constexpr size_t kLongest = size_t{16} << 10;

base::Error Refused(std::string_view why) { return base::Unauthenticated("token: {}", why); }

Value IdObject(const ObjectId& id) {
  Value object = Value::Object();
  object.Set("name", Value(id.name));
  if (!id.uid.empty()) object.Set("uid", Value(id.uid));
  return object;
}

std::optional<ObjectId> ReadId(const Value& claims, std::string_view kind) {
  const Value& object = claims.At({"kubernetes.io", kind});
  if (!object.IsObject()) return std::nullopt;
  return ObjectId{object.At({"name"}).AsString(), object.At({"uid"}).AsString()};
}

struct Parts {
  Value header;
  Value claims;
  std::string signature;
  std::string_view signed_text;
};

Result<Parts> Take(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (token.size() > kLongest || second == token.npos || token.find('.', second + 1) != token.npos)
    return Refused("not three parts");
  const json::Limits limits{.bytes = kLongest, .depth = 10, .values = 1000};
  ASSIGN_OR_RETURN(const std::string header, pki::Base64UrlDecode(token.substr(0, first)));
  ASSIGN_OR_RETURN(const std::string claims,
                   pki::Base64UrlDecode(token.substr(first + 1, second - first - 1)));
  Parts parts;
  ASSIGN_OR_RETURN(parts.signature, pki::Base64UrlDecode(token.substr(second + 1)));
  ASSIGN_OR_RETURN(parts.header, json::ParseJson(header, limits));
  ASSIGN_OR_RETURN(parts.claims, json::ParseJson(claims, limits));
  parts.signed_text = token.substr(0, second);
  return parts;
}

std::vector<std::string> Audiences(const Value& claims) {
  const Value& audience = claims.At({"aud"});
  if (audience.IsString()) return {audience.AsString()};
  std::vector<std::string> all;
  for (const Value& one : audience.items()) all.push_back(one.AsString());
  return all;
}

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The object is there, is the one that was meant, and was not deleted a while ago.
base::Status Check(const BoundObjects& objects, std::string_view resource, std::string_view ns,
                   const ObjectId& id, int64_t now) {
  const auto found = objects.Find(resource, ns, id.name);
  if (!found) return Refused(fmt::format("{} '{}' is not there", resource, id.name));
  if (found->uid != id.uid)
    return Refused(fmt::format("{} '{}' is another one", resource, id.name));
  if (found->deleted != 0 && found->deleted < now - kLeeway)
    return Refused(fmt::format("{} '{}' has been deleted", resource, id.name));
  return base::Ok();
}

}  // namespace

Result<std::string> SignToken(const pki::Key& key, const TokenClaims& claims) {
  Value header = Value::Object();
  header.Set("alg", Value(key.Algorithm()));
  header.Set("kid", Value(key.Id()));
  Value body = Value::Object();
  Value audiences = Value::Array();
  for (const std::string& audience : claims.audiences) audiences.Append(Value(audience));
  body.Set("aud", std::move(audiences));
  body.Set("exp", Value(claims.expires));
  body.Set("iat", Value(claims.issued));
  body.Set("iss", Value(claims.issuer));
  if (!claims.id.empty()) body.Set("jti", Value(claims.id));
  Value own = Value::Object();
  own.Set("namespace", Value(claims.ns));
  if (claims.node) own.Set("node", IdObject(*claims.node));
  if (claims.pod) own.Set("pod", IdObject(*claims.pod));
  if (claims.secret) own.Set("secret", IdObject(*claims.secret));
  own.Set("serviceaccount", IdObject(claims.service_account));
  if (claims.warn_after != 0) own.Set("warnafter", Value(claims.warn_after));
  body.Set("kubernetes.io", std::move(own));
  body.Set("nbf", Value(claims.not_before));
  body.Set("sub", Value(claims.subject));
  std::string text = pki::Base64UrlEncode(json::WriteJson(header)) + "." +
                     pki::Base64UrlEncode(json::WriteJson(body));
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(text));
  return text + "." + pki::Base64UrlEncode(signature);
}

bool TokenVerifier::Ours(std::string_view token) const {
  const auto parts = Take(token);
  if (!parts.ok()) return false;
  const std::string& issuer = parts->claims.At({"iss"}).AsString();
  return issuer == kLegacyIssuer || Has(issuers_, issuer);
}

Result<TokenClaims> TokenVerifier::VerifyLegacy(TokenClaims claims, std::string_view token,
                                                int64_t now, const BoundObjects& objects,
                                                const std::vector<std::string>& wanted) const {
  // They name no audience: they are for the server itself.
  if (!wanted.empty() && std::none_of(wanted.begin(), wanted.end(),
                                      [&](const std::string& one) { return Has(audiences_, one); }))
    return Refused("for another audience");
  RETURN_IF_ERROR(Check(objects, "serviceaccounts", claims.ns, claims.service_account, now));
  if (!objects.HoldsToken(claims.ns, claims.secret->name, token))
    return Refused("its secret is gone, or holds another token");
  claims.audiences = audiences_;
  return claims;
}

Result<TokenClaims> TokenVerifier::Verify(std::string_view token, int64_t now,
                                          const BoundObjects& objects,
                                          const std::vector<std::string>& wanted) const {
  auto parts = Take(token);
  if (!parts.ok()) return Refused(parts.error().message());
  const std::string kid = parts->header.At({"kid"}).AsString();
  const std::string algorithm = parts->header.At({"alg"}).AsString();
  const bool good = std::any_of(keys_.begin(), keys_.end(), [&](const pki::Key& key) {
    return key.Algorithm() == algorithm && (kid.empty() || key.Id() == kid) &&
           key.Verify(parts->signed_text, parts->signature);
  });
  if (!good) return Refused("the signature is of no key of ours");
  const Value& body = parts->claims;
  if (std::optional<TokenClaims> legacy = ReadLegacyClaims(body))
    return VerifyLegacy(*std::move(legacy), token, now, objects, wanted);
  TokenClaims claims{.issuer = body.At({"iss"}).AsString(),
                     .subject = body.At({"sub"}).AsString(),
                     .audiences = Audiences(body),
                     .expires = body.At({"exp"}).AsInt(),
                     .issued = body.At({"iat"}).AsInt(),
                     .not_before = body.At({"nbf"}).AsInt(),
                     .id = body.At({"jti"}).AsString(),
                     .ns = body.At({"kubernetes.io", "namespace"}).AsString(),
                     .service_account = {},
                     .pod = ReadId(body, "pod"),
                     .node = ReadId(body, "node"),
                     .secret = ReadId(body, "secret"),
                     .warn_after = body.At({"kubernetes.io", "warnafter"}).AsInt()};
  if (!Has(issuers_, claims.issuer)) return Refused("of another issuer");
  if (now - kLeeway > claims.expires) return Refused("service account token has expired");
  if (now + kLeeway < claims.not_before) return Refused("not valid yet");
  const std::vector<std::string>& accepted = wanted.empty() ? audiences_ : wanted;
  if (std::none_of(claims.audiences.begin(), claims.audiences.end(),
                   [&](const std::string& one) { return Has(accepted, one); }))
    return Refused("for another audience");
  const auto account = ReadId(body, "serviceaccount");
  if (!account || claims.ns.empty() ||
      claims.subject != ServiceAccountName(claims.ns, account->name))
    return Refused("not of a service account");
  claims.service_account = *account;
  RETURN_IF_ERROR(Check(objects, "serviceaccounts", claims.ns, *account, now));
  if (claims.pod) RETURN_IF_ERROR(Check(objects, "pods", claims.ns, *claims.pod, now));
  if (claims.secret) RETURN_IF_ERROR(Check(objects, "secrets", claims.ns, *claims.secret, now));
  // A pod's node is told for those who look; alone it is what the token lives and dies with.
  if (claims.node && !claims.pod) RETURN_IF_ERROR(Check(objects, "nodes", "", *claims.node, now));
  return claims;
}

User UserOf(const TokenClaims& claims) {
  User user =
      ServiceAccountUser(claims.ns, claims.service_account.name, claims.service_account.uid);
  const auto add = [&user](const std::string& key, const std::string& value) {
    if (!value.empty()) user.extra["authentication.kubernetes.io/" + key] = {value};
  };
  if (!claims.id.empty()) add("credential-id", "JTI=" + claims.id);
  if (claims.pod) {
    add("pod-name", claims.pod->name);
    add("pod-uid", claims.pod->uid);
  }
  if (claims.node) {
    add("node-name", claims.node->name);
    add("node-uid", claims.node->uid);
  }
  return user;
}

}  // namespace keelson::auth
