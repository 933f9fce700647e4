// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/access.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::node_api {
namespace {

constexpr std::string_view kAuthenticated = "system:authenticated";

struct Place {
  std::string_view path;
  std::string_view subresource;
};
// Also to be had with "proxy".
constexpr Place kFine[] = {
    {"/pods", "pods"}, {"/runningpods", "pods"}, {"/healthz", "healthz"}, {"/configz", "configz"}};
// Not to be had with "proxy".
constexpr Place kOwn[] = {{"/stats", "stats"},     {"/metrics", "metrics"},
                          {"/logs", "log"},        {"/checkpoint", "checkpoint"},
                          {"/statusz", "statusz"}, {"/flagz", "configz"}};
constexpr std::string_view kSessions[] = {"/exec", "/attach", "/portForward", "/run", "/cri"};

bool Below(std::string_view path, std::string_view place) {
  return path == place || (path.starts_with(place) && path[place.size()] == '/');
}

std::string_view VerbOf(std::string_view method) {
  constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {{"POST", "create"},
                                                                      {"GET", "get"},
                                                                      {"PUT", "update"},
                                                                      {"PATCH", "patch"},
                                                                      {"DELETE", "delete"}};
  for (const auto& [name, verb] : kVerbs)
    if (name == method) return verb;
  return "";
}

}  // namespace

Need NeedOf(std::string_view method, std::string_view path) {
  Need need{std::string(VerbOf(method)), {}};
  for (const Place& place : kOwn) {
    if (!Below(path, place.path)) continue;
    need.subresources.emplace_back(place.subresource);
    return need;
  }
  for (const Place& place : kFine)
    if (Below(path, place.path)) need.subresources.emplace_back(place.subresource);
  need.subresources.emplace_back("proxy");
  if (std::any_of(std::begin(kSessions), std::end(kSessions),
                  [path](std::string_view place) { return Below(path, place); }))
    need.verb = "create";
  return need;
}

bool UserOf(const service::PeerCertificates& peer, User& user) {
  if (!peer.verified || peer.common_name.empty()) return false;
  user = {.name = peer.common_name, .uid = "", .groups = peer.organizations, .extra = {}};
  if (!peer.sha256.empty())
    user.extra["authentication.kubernetes.io/credential-id"] = {"X509SHA256=" + peer.sha256};
  if (std::find(user.groups.begin(), user.groups.end(), kAuthenticated) == user.groups.end())
    user.groups.emplace_back(kAuthenticated);
  return true;
}

std::string_view BearerToken(const service::Fields& headers) {
  const std::string* header = service::FindHeader(headers, "authorization");
  if (header == nullptr) return {};
  const std::string_view text = base::Trim(*header);
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || base::ToLower(text.substr(0, space)) != "bearer")
    return {};
  const std::string_view rest = text.substr(space + 1);
  return rest.substr(0, rest.find(' '));
}

}  // namespace keelson::node_api
