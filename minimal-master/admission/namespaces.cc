// SPDX-License-Identifier: Apache-2.0
// NamespaceLifecycle: nothing is made in a namespace that is not there or going, and three of them
// stay.
#include <fmt/format.h>

#include "minimal-master/admission/plugins.h"

namespace keelson::admission {

Verdict NamespaceIsThere(const Request& request, const Facts& facts) {
  if (request.ns.empty() || request.resource == "namespaces") return true;
  // Asking whether somebody may do something makes nothing.
  if (request.group == "authorization.k8s.io") return true;
  const std::optional<Value> space = facts.Find("", "namespaces", "", request.ns);
  if (!space) return status::NotFound({"", "namespaces"}, request.ns);
  if (space->At({"status", "phase"}).AsString() != "Terminating") return true;
  status::Failure failure =
      Forbid(request, Value(),
             fmt::format("unable to create new content in namespace {} because it is being "
                         "terminated",
                         request.ns));
  failure.details.causes.push_back({"NamespaceTerminating",
                                    fmt::format("namespace {} is being terminated", request.ns),
                                    "metadata.namespace"});
  return failure;
}

Verdict NamespaceMayGo(const Request& request) {
  if (!request.group.empty() || request.resource != "namespaces") return true;
  for (const char* stays : {"default", "kube-system", "kube-public"}) {
    if (request.name == stays) return Forbid(request, Value(), "this namespace may not be deleted");
  }
  return true;
}

}  // namespace keelson::admission
