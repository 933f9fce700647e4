// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/labels.h"

#include <iterator>

namespace keelson::front {
namespace {

std::string_view VerbOf(const service::Request& request, const api::Route& route) {
  if (!route.is_resource) {
    for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
      if (request.method == method) return method;
    }
    return "other";
  }
  if (api::IsSession(route)) return "CONNECT";
  if (route.verb == "patch") {
    const std::string* type = service::FindHeader(request.headers, "content-type");
    return type != nullptr && type->starts_with("application/apply-patch") ? "APPLY" : "PATCH";
  }
  constexpr std::pair<std::string_view, std::string_view> kVerbs[] = {
      {"get", "GET"},
      {"list", "LIST"},
      {"watch", "WATCH"},
      {"create", "POST"},
      {"update", "PUT"},
      {"delete", "DELETE"},
      {"deletecollection", "DELETECOLLECTION"}};
  for (const auto& [verb, name] : kVerbs) {
    if (route.verb == verb) return name;
  }
  return "other";
}

std::string_view ScopeOf(const api::Route& route) {
  if (!route.name.empty() || route.verb == "create") return "resource";
  return route.ns.empty() ? "cluster" : "namespace";
}

// Those among the paths that are nobody's names.
std::string_view PathOf(std::string_view path) {
  for (const std::string_view known : {"/healthz", "/livez", "/readyz", "/metrics", "/version",
                                       "/api", "/apis", "/openapi/v2", "/openapi/v3"}) {
    if (path == known) return known;
  }
  return "";
}

}  // namespace

std::string Labels::Key() const {
  std::string key;
  for (const std::string_view part :
       {group, version, resource, subresource, scope, verb, dry_run}) {
    key += part;
    key += '\0';
  }
  return key;
}

Labels LabelsOf(const service::Request& request, const api::Route& route) {
  Labels labels;
  labels.verb = VerbOf(request, route);
  if (!route.is_resource) {
    labels.subresource = PathOf(route.path);
    return labels;
  }
  labels.scope = ScopeOf(route);
  if (route.served == nullptr) return labels;
  labels.group = route.group;
  labels.version = route.version;
  labels.resource = route.resource;
  labels.subresource = route.subresource;
  if (const std::string* run = service::FindField(request.query, "dryRun"); run && *run == "All")
    labels.dry_run = "All";
  return labels;
}

bool IsMutating(const api::Route& route) {
  const std::string& verb = route.verb;
  return verb != "get" && verb != "list" && verb != "watch" &&
         (route.is_resource || (verb != "head" && verb != "options"));
}

}  // namespace keelson::front
