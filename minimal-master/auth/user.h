// SPDX-License-Identifier: Apache-2.0
// Whoever a request comes from. Plain data.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::auth {

inline constexpr std::string_view kMasters = "system:masters";
inline constexpr std::string_view kAuthenticated = "system:authenticated";
inline constexpr std::string_view kUnauthenticated = "system:unauthenticated";
inline constexpr std::string_view kAnonymous = "system:anonymous";
inline constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

struct User {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
  std::shared_ptr<const User> impersonator;  // who acts in this one's name

  bool In(std::string_view group) const {
    for (const std::string& one : groups)
      if (one == group) return true;
    return false;
  }
};

// "system:serviceaccount:ns:name" and back; false: the name is not a service account's.
std::string ServiceAccountName(std::string_view ns, std::string_view name);
bool SplitServiceAccount(std::string_view user, std::string_view& ns, std::string_view& name);
// With its groups, system:authenticated too.
User ServiceAccountUser(std::string_view ns, std::string_view name, std::string_view uid);
User AnonymousUser();
void AddGroup(User& user, std::string_view group);  // once

}  // namespace keelson::auth
