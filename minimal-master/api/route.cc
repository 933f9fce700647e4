// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/route.h"

namespace keelson::api {
namespace {

// Whether the path's form is the resource's: in a namespace or not, of one object or all. A
// namespace is said to be in itself.
bool FormIsServed(const Route& route) {
  const schema::Resource& resource = *route.served;
  if (!resource.namespaced())
    return route.ns.empty() || (resource.group().empty() && resource.name() == "namespaces");
  return !route.ns.empty() || route.name.empty() || route.verb == "list" || route.verb == "watch";
}

schema::TextList VerbsOf(const Route& route) {
  return route.served_sub != nullptr ? route.served_sub->verbs() : route.served->verbs();
}

bool IsAllowed(const Route& route, const service::Request& request) {
  // Whatever is behind it knows its methods.
  if (route.subresource == "proxy") return true;
  if (!VerbsOf(route).Contains(route.verb) || request.method == "HEAD") return false;
  const bool looks = route.verb == "list" || route.verb == "watch";
  // Across all namespaces one can only look.
  if (route.served->namespaced() && route.ns.empty() && !looks) return false;
  if (!route.subresource.empty() || looks) return true;
  if (route.verb == "create") return route.name.empty();
  return !route.name.empty() || (route.verb != "update" && route.verb != "patch");
}

}  // namespace

Route RouteOf(const service::Request& request) {
  Route route{auth::ReadAttributes(request.method, request.raw_path(), request.query), nullptr,
              nullptr, false};
  if (!route.is_resource || route.path.starts_with("//")) return route;
  const schema::Resource* resource =
      schema::FindResource(route.group, route.version, route.resource);
  if (resource == nullptr) return route;
  route.served = resource;
  if (!route.subresource.empty()) route.served_sub = resource->FindSubresource(route.subresource);
  const bool no_such_sub = !route.subresource.empty() && route.served_sub == nullptr;
  if (no_such_sub || !FormIsServed(route)) {
    route.served = nullptr;
    return route;
  }
  route.allowed = IsAllowed(route, request);
  return route;
}

bool IsSession(const Route& route) {
  const std::string& sub = route.subresource;
  return route.is_resource &&
         (sub == "exec" || sub == "attach" || sub == "portforward" || sub == "proxy");
}

bool IsLongRunning(const Route& route) {
  return route.verb == "watch" || IsSession(route) ||
         (route.is_resource && route.subresource == "log");
}

}  // namespace keelson::api
