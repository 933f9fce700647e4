// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/authenticate.h"

#include "lib/base/strings.h"
#include "minimal-master/auth/bootstrap_token.h"

namespace keelson::auth {

using base::Result;

namespace {

std::string_view BearerToken(std::string_view header) {
  const std::string_view text = base::Trim(header);
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || base::ToLower(text.substr(0, space)) != "bearer")
    return {};
  // Upstream splits at every blank and takes the second part.
  const std::string_view rest = text.substr(space + 1);
  return rest.substr(0, rest.find(' '));
}

Result<User> OfToken(std::string_view token, const Authenticators& with, int64_t now) {
  std::string_view id;
  std::string_view secret;
  if (with.find_bootstrap_secret && SplitBootstrapToken(token, id, secret))
    return CheckBootstrapToken(token, with.find_bootstrap_secret(BootstrapSecretName(id)), now);
  if (with.tokens == nullptr || with.objects == nullptr || !with.tokens->Ours(token))
    return base::Unauthenticated("the token is of no kind that is known here");
  ASSIGN_OR_RETURN(const TokenClaims claims, with.tokens->Verify(token, now, *with.objects));
  return UserOf(claims);
}

std::string DecodeKey(std::string_view key) {
  std::string out;
  for (size_t i = 0; i < key.size(); ++i) {
    const auto hex = [&](size_t at) -> int {
      if (at >= key.size()) return -1;
      const char c = key[at];
      if (c >= '0' && c <= '9') return c - '0';
      return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    if (key[i] == '%' && hex(i + 1) >= 0 && hex(i + 2) >= 0) {
      out += static_cast<char>(hex(i + 1) * 16 + hex(i + 2));
      i += 2;
    } else {
      out += key[i];
    }
  }
  return out;
}

Attributes Need(const User& asker, std::string group, std::string resource, std::string name) {
  Attributes need;
  need.user = asker;
  need.verb = "impersonate";
  need.is_resource = true;
  need.version = "v1";
  need.group = std::move(group);
  need.resource = std::move(resource);
  need.name = std::move(name);
  return need;
}

}  // namespace

Result<User> Authenticate(const Credentials& credentials, const Authenticators& with, int64_t now) {
  if (credentials.has_certificate && credentials.certificate_verified) {
    if (credentials.common_name.empty())
      return base::Unauthenticated("the client certificate has no common name");
    User user{.name = credentials.common_name,
              .uid = "",
              .groups = credentials.organizations,
              .extra = {}};
    if (!credentials.certificate_sha256.empty())
      user.extra["authentication.kubernetes.io/credential-id"] = {"X509SHA256=" +
                                                                  credentials.certificate_sha256};
    AddGroup(user, kAuthenticated);
    return user;
  }
  const std::string_view token = BearerToken(credentials.authorization);
  if (!token.empty()) return OfToken(token, with, now);
  if (credentials.has_certificate)
    return base::Unauthenticated(
        "the client certificate of '{}' is not of a CA of ours, or has ended",
        credentials.common_name);
  if (!with.anonymous) return base::Unauthenticated("no credentials");
  return AnonymousUser();
}

Result<std::optional<Impersonation>> ReadImpersonation(const User& asker, const Headers& headers) {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> extras;
  constexpr std::string_view kExtra = "impersonate-extra-";
  for (const auto& [key, value] : headers) {
    if (key == "impersonate-user" && name.empty()) name = value;
    if (key == "impersonate-uid" && uid.empty()) uid = value;
    if (key == "impersonate-group") groups.push_back(value);
    if (key.starts_with(kExtra))
      extras.emplace_back(base::ToLower(DecodeKey(std::string_view(key).substr(kExtra.size()))),
                          value);
  }
  if (name.empty() && uid.empty() && groups.empty() && extras.empty())
    return std::optional<Impersonation>();
  Impersonation wanted;
  if (name.empty()) {
    // As Go prints the references to what was asked for.
    std::vector<std::string> asked;
    for (const std::string& group : groups)
      asked.push_back(fmt::format("{{Group  {}    }}", group));
    for (const auto& [key, value] : extras)
      asked.push_back(fmt::format("{{UserExtra  {}  authentication.k8s.io/v1  {}}}", value, key));
    if (!uid.empty()) asked.push_back(fmt::format("{{UID  {}  authentication.k8s.io/v1  }}", uid));
    return base::InvalidArgument("requested [{}] without impersonating a user",
                                 base::Join(asked, " "));
  }
  wanted.user.name = name;
  wanted.user.uid = uid;
  wanted.user.groups = groups;
  std::string_view ns;
  std::string_view account;
  if (SplitServiceAccount(name, ns, account)) {
    Attributes need = Need(asker, "", "serviceaccounts", std::string(account));
    need.ns = ns;
    wanted.needed.push_back(std::move(need));
    if (groups.empty()) {
      AddGroup(wanted.user, "system:serviceaccounts");
      AddGroup(wanted.user, fmt::format("system:serviceaccounts:{}", ns));
    }
  } else {
    wanted.needed.push_back(Need(asker, "", "users", name));
  }
  for (const std::string& group : groups) wanted.needed.push_back(Need(asker, "", "groups", group));
  for (const auto& [key, value] : extras) {
    Attributes need = Need(asker, "authentication.k8s.io", "userextras", value);
    need.subresource = key;
    wanted.needed.push_back(std::move(need));
    wanted.user.extra[key].push_back(value);
  }
  if (!uid.empty()) wanted.needed.push_back(Need(asker, "authentication.k8s.io", "uids", uid));
  if (name == kAnonymous) {
    AddGroup(wanted.user, kUnauthenticated);
  } else if (!wanted.user.In(kUnauthenticated)) {
    AddGroup(wanted.user, kAuthenticated);
  }
  return std::optional<Impersonation>(std::move(wanted));
}

}  // namespace keelson::auth
