// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/bootstrap_token.h"

#include <algorithm>
#include <optional>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::auth {
namespace {

constexpr std::string_view kBootstrappers = "system:bootstrappers";

bool LowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string Data(const json::Value& object, std::string_view key) {
  return base::Base64Decode(object.At({"data", key}).AsString()).value_or("");
}

// The time taken tells nothing of where the two differ.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char differ = 0;
  for (size_t i = 0; i < a.size(); ++i) differ |= static_cast<unsigned char>(a[i] ^ b[i]);
  return differ == 0;
}

// system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]
bool GoodGroup(std::string_view group) {
  if (!group.starts_with(kBootstrappers) || group.size() <= kBootstrappers.size() + 1) return false;
  group.remove_prefix(kBootstrappers.size());
  if (group[0] != ':' || group.size() > 257 || !LowerOrDigit(group.back())) return false;
  return std::all_of(group.begin(), group.end(),
                     [](char c) { return LowerOrDigit(c) || c == ':' || c == '-'; });
}

}  // namespace

bool SplitBootstrapToken(std::string_view token, std::string_view& id, std::string_view& secret) {
  if (token.size() != 23 || token[6] != '.') return false;
  id = token.substr(0, 6);
  secret = token.substr(7);
  return std::all_of(id.begin(), id.end(), LowerOrDigit) &&
         std::all_of(secret.begin(), secret.end(), LowerOrDigit);
}

bool BootstrapTokenExpired(const json::Value& object, int64_t now) {
  if (object.At({"type"}).AsString() != "bootstrap.kubernetes.io/token") return false;
  const std::string text = Data(object, "expiration");
  if (text.empty()) return false;
  const std::optional<int64_t> at = base::ParseRfc3339(text);
  return !at || *at / 1'000'000'000 < now;  // a time that cannot be read is over
}

base::Result<User> CheckBootstrapToken(std::string_view token, const json::Value& object,
                                       int64_t now) {
  std::string_view id;
  std::string_view secret;
  if (!SplitBootstrapToken(token, id, secret))
    return base::Unauthenticated("not a bootstrap token");
  if (object.At({"type"}).AsString() != "bootstrap.kubernetes.io/token" ||
      !object.At({"metadata", "deletionTimestamp"}).IsNull() || Data(object, "token-id") != id ||
      !SameSecret(Data(object, "token-secret"), secret))
    return base::Unauthenticated("bootstrap token '{}' is not known", id);
  if (BootstrapTokenExpired(object, now))
    return base::Unauthenticated("bootstrap token '{}' has expired", id);
  if (Data(object, "usage-bootstrap-authentication") != "true")
    return base::Unauthenticated("bootstrap token '{}' is not for authentication", id);
  User user{.name = fmt::format("system:bootstrap:{}", id),
            .uid = "",
            .groups = {std::string(kBootstrappers)},
            .extra = {}};
  const std::string groups = Data(object, "auth-extra-groups");
  if (!groups.empty())
    for (const std::string_view group : base::Split(std::string_view(groups), ',')) {
      if (!GoodGroup(group))
        return base::Unauthenticated("bootstrap token '{}': group '{}' may not be given", id,
                                     group);
      AddGroup(user, group);
    }
  AddGroup(user, kAuthenticated);
  return user;
}

}  // namespace keelson::auth
