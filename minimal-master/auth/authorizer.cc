// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/authorizer.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::auth {
namespace {

constexpr std::string_view kNodePrefix = "system:node:";

bool OneOf(std::string_view verb, std::initializer_list<std::string_view> verbs) {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

// Whether a field selector asks for `field`=`value` among other things.
bool Selects(const std::string& selector, std::string_view field, std::string_view value) {
  for (const std::string_view part : base::Split(std::string_view(selector), ',')) {
    if (!part.starts_with(field)) continue;
    std::string_view rest = part.substr(field.size());
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(rest.starts_with("==") ? 2 : 1);
    if (rest == value) return true;
  }
  return false;
}

Decision NoRelation(const std::string& node) {
  return {false, fmt::format("no relationship found between node '{}' and this object", node)};
}

Decision ByGraph(const NodeGraph& graph, const std::string& node, const Attributes& a) {
  if (a.name.empty()) return {false, "No Object name found"};
  return graph.Reaches(node, a.resource, a.ns, a.name) ? Decision{true, ""} : NoRelation(node);
}

Decision Reading(const NodeGraph& graph, const std::string& node, const Attributes& a,
                 bool lists_too) {
  if (a.verb != "get" && !(lists_too && OneOf(a.verb, {"list", "watch"})))
    return {false, lists_too ? "can only read resources of this type"
                             : "can only get individual resources of this type"};
  if (!a.subresource.empty()) return {false, "cannot get subresource"};
  return ByGraph(graph, node, a);
}

Decision Lease(const std::string& node, const Attributes& a) {
  if (!OneOf(a.verb, {"get", "create", "update", "patch", "delete"}))
    return {false, "can only get, create, update, patch, or delete a node lease"};
  if (a.ns != "kube-node-lease")
    return {false, "can only access leases in the \"kube-node-lease\" system namespace"};
  if (a.verb != "create" && a.name != node)
    return {false, "can only access node lease with the same name as the requesting node"};
  return {true, ""};
}

Decision CsiNode(const std::string& node, const Attributes& a) {
  if (!a.subresource.empty()) return {false, "cannot authorize CSINode subresources"};
  if (!OneOf(a.verb, {"get", "create", "update", "patch", "delete"}))
    return {false, "can only get, create, update, patch, or delete a CSINode"};
  if (a.verb != "create" && a.name != node)
    return {false, "can only access CSINode with the same name as the requesting node"};
  return {true, ""};
}

// Other nodes' pods and nodes are not a node's to read.
Decision PodOfNode(const NodeGraph& graph, const std::string& node, const Attributes& a) {
  if (OneOf(a.verb, {"create", "delete"}) && a.subresource.empty()) return {true, ""};
  if (a.subresource == "status" && OneOf(a.verb, {"update", "patch"})) return {true, ""};
  if (a.subresource == "eviction" && a.verb == "create") return {true, ""};
  if (OneOf(a.verb, {"list", "watch"}) && a.subresource.empty() &&
      Selects(a.field_selector, "spec.nodeName", node))
    return {true, ""};
  if (a.verb == "get" && a.subresource.empty()) return ByGraph(graph, node, a);
  if (OneOf(a.verb, {"list", "watch"}))
    return {false, "can only list/watch pods with spec.nodeName field selector"};
  return NoRelation(node);
}

Decision NodeItself(const std::string& node, const Attributes& a) {
  if (a.subresource.empty() && a.verb == "create") return {true, ""};
  const bool writes = OneOf(a.verb, {"update", "patch"});
  const bool known = a.subresource.empty() ? writes || OneOf(a.verb, {"get", "list", "watch"})
                                           : a.subresource == "status" && writes;
  if (!known) return {false, ""};
  if (a.name == node) return {true, ""};
  return {false,
          a.name.empty()
              ? fmt::format("node '{}' cannot read all nodes, only its own Node object", node)
              : fmt::format("node '{}' cannot {} '{}', only its own Node object", node,
                            writes ? "modify" : "read", a.name)};
}

}  // namespace

std::string NodeNameOf(const User& user) {
  if (!user.name.starts_with(kNodePrefix) || !user.In("system:nodes")) return "";
  return user.name.substr(kNodePrefix.size());
}

Decision AuthorizeNode(const NodeGraph& graph, const std::vector<PolicyRule>& rules,
                       const Attributes& a) {
  const std::string node = NodeNameOf(a.user);
  if (node.empty()) return {};
  if (a.is_resource && a.group.empty()) {
    if (a.resource == "secrets" || a.resource == "configmaps") return Reading(graph, node, a, true);
    if (a.resource == "persistentvolumeclaims") {
      if (a.subresource == "status" && OneOf(a.verb, {"update", "patch"}))
        return ByGraph(graph, node, a);
      return Reading(graph, node, a, false);
    }
    if (a.resource == "persistentvolumes") return Reading(graph, node, a, false);
    if (a.resource == "serviceaccounts" && a.subresource == "token")
      return a.verb == "create"
                 ? ByGraph(graph, node, a)
                 : Decision{false, "only allowed subresource is token for verb create"};
    if (a.resource == "pods") return PodOfNode(graph, node, a);
    if (a.resource == "nodes") return NodeItself(node, a);
  }
  if (a.is_resource && a.group == "storage.k8s.io") {
    if (a.resource == "volumeattachments") return Reading(graph, node, a, false);
    if (a.resource == "csinodes") return CsiNode(node, a);
  }
  if (a.is_resource && a.group == "coordination.k8s.io" && a.resource == "leases")
    return Lease(node, a);
  if (a.is_resource && a.group == "resource.k8s.io" && a.resource == "resourceclaims")
    return Reading(graph, node, a, false);
  for (const PolicyRule& rule : rules)
    if (Allows(rule, a)) return {true, ""};
  return {};
}

void Authorizer::SetRbac(std::shared_ptr<const Rbac> rbac) {
  const std::lock_guard lock(mutex_);
  rbac_ = std::move(rbac);
}

std::shared_ptr<const Rbac> Authorizer::rbac() const {
  const std::lock_guard lock(mutex_);
  return rbac_;
}

Decision Authorizer::Authorize(const Attributes& attributes) const {
  if (attributes.user.In(kMasters)) return {true, ""};
  const std::shared_ptr<const Rbac> index = rbac();
  if (!index) return {false, "the rules are not read yet"};
  static const std::vector<PolicyRule> kNone;
  const std::vector<PolicyRule>* rules = index->FindRules({true, "system:node"}, "");
  Decision node = AuthorizeNode(graph_, rules == nullptr ? kNone : *rules, attributes);
  if (node.allowed) return node;
  Decision decision = index->Authorize(attributes);
  if (decision.allowed || node.reason.empty()) return decision;
  decision.reason = decision.reason.empty() ? node.reason : node.reason + "\n" + decision.reason;
  return decision;
}

}  // namespace keelson::auth
