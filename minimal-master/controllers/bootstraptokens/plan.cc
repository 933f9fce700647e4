// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/bootstraptokens/plan.h"

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/auth/bootstrap_token.h"
#include "minimal-master/control/times.h"
#include "minimal-master/pki/key.h"
#include "minimal-master/pki/mac.h"

namespace keelson::controllers::bootstraptokens {
namespace {

using json::Value;

constexpr char kType[] = "bootstrap.kubernetes.io/token";
constexpr std::string_view kSignature = "jws-kubeconfig-";
constexpr int64_t kSecond = 1'000'000'000;

std::string Data(const Value& secret, std::string_view key) {
  return base::Base64Decode(secret.At({"data", key}).AsString()).value_or("");
}

}  // namespace

Planned PlanToken(const Value& secret, int64_t now) {
  if (secret.At({"type"}).AsString() != kType) return {};
  if (auth::BootstrapTokenExpired(secret, now / kSecond)) {
    return {
        {control::Delete(
            control::ResourceNamed("", "secrets"), secret.At({"metadata", "namespace"}).AsString(),
            secret.At({"metadata", "name"}).AsString(), secret.At({"metadata", "uid"}).AsString())},
        std::nullopt};
  }
  Planned planned;
  if (const auto end = control::ReadTime(Data(secret, "expiration")))
    planned.again = std::chrono::milliseconds((*end - now) / 1'000'000 + 1001);
  return planned;
}

std::optional<SigningToken> ReadSigningToken(const Value& secret, int64_t now) {
  if (secret.At({"type"}).AsString() != kType ||
      Data(secret, "usage-bootstrap-signing") != "true" ||
      auth::BootstrapTokenExpired(secret, now / kSecond))
    return std::nullopt;
  SigningToken token{Data(secret, "token-id"), Data(secret, "token-secret")};
  if (token.id.empty() || token.secret.empty() ||
      secret.At({"metadata", "name"}).AsString() != auth::BootstrapSecretName(token.id))
    return std::nullopt;
  return token;
}

std::string SignDetached(const std::string& content, const SigningToken& token) {
  const std::string header =
      pki::Base64UrlEncode("{\"alg\":\"HS256\",\"kid\":" + json::Quote(token.id) + "}");
  const std::string signed_part = header + "." + pki::Base64UrlEncode(content);
  return header + ".." + pki::Base64UrlEncode(pki::HmacSha256(token.secret, signed_part));
}

Planned PlanInfo(const Value& info, const std::vector<SigningToken>& tokens) {
  const Value& content = info.At({"data", "kubeconfig"});
  if (!content.IsString()) return {};
  Value data = Value::Object();
  for (const auto& [key, value] : info.At({"data"}).members()) {
    if (!key.starts_with(kSignature)) data.Set(key, value);
  }
  for (const SigningToken& token : tokens)
    data.Set(std::string(kSignature) + token.id, Value(SignDetached(content.AsString(), token)));
  if (data == info.At({"data"})) return {};
  Value changed = info;
  changed.Set("data", std::move(data));
  return {{control::Update(control::ResourceNamed("", "configmaps"), std::move(changed))},
          std::nullopt};
}

}  // namespace keelson::controllers::bootstraptokens
