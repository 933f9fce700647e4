// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/user.h"

#include <fmt/core.h>

namespace keelson::auth {

std::string ServiceAccountName(std::string_view ns, std::string_view name) {
  return fmt::format("{}{}:{}", kServiceAccountPrefix, ns, name);
}

bool SplitServiceAccount(std::string_view user, std::string_view& ns, std::string_view& name) {
  if (!user.starts_with(kServiceAccountPrefix)) return false;
  user.remove_prefix(kServiceAccountPrefix.size());
  const size_t colon = user.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == user.size()) return false;
  if (user.find(':', colon + 1) != std::string_view::npos) return false;
  ns = user.substr(0, colon);
  name = user.substr(colon + 1);
  return true;
}

User ServiceAccountUser(std::string_view ns, std::string_view name, std::string_view uid) {
  return {.name = ServiceAccountName(ns, name),
          .uid = std::string(uid),
          .groups = {"system:serviceaccounts", fmt::format("system:serviceaccounts:{}", ns),
                     std::string(kAuthenticated)},
          .extra = {}};
}

User AnonymousUser() {
  return {.name = std::string(kAnonymous),
          .uid = "",
          .groups = {std::string(kUnauthenticated)},
          .extra = {}};
}

void AddGroup(User& user, std::string_view group) {
  if (!user.In(group)) user.groups.emplace_back(group);
}

}  // namespace keelson::auth
