// SPDX-License-Identifier: Apache-2.0
// What a request wants to do, as authorizers see it: read off its method and URL exactly as
// upstream's API server does, before anybody looks whether such a resource exists. Pure, any
// thread. Source: k8s.io/apiserver, endpoints/request (1.35).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "minimal-master/auth/user.h"

namespace keelson::auth {

struct Attributes {
  User user;
  std::string verb;  // "get", "list", "watch", "create", … ; of paths the method in lower case
  bool is_resource = false;
  std::string path;  // always
  std::string group;
  std::string version;
  std::string resource;
  std::string subresource;
  std::string ns;  // empty: the cluster scope
  std::string name;
  std::string field_selector;  // of lists and watches
  // What follows the subresource, or the name of a proxied thing: "pods/x/proxy/a/b" has {"a",
  // "b"}.
  std::vector<std::string> rest;

  std::string FullResource() const {
    return subresource.empty() ? resource : resource + "/" + subresource;
  }
};

using Query = std::vector<std::pair<std::string, std::string>>;
// All but `user`. `path` as it was sent, its segments decoded here.
Attributes ReadAttributes(std::string_view method, std::string_view path, const Query& query);

// `User "x" cannot list resource "pods" in API group "" in the namespace "y"`, and ": reason".
std::string ForbiddenText(const Attributes& attributes, std::string_view reason);

}  // namespace keelson::auth
