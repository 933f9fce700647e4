// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/grants.h"

#include "minimal-master/access/certificates.h"

namespace keelson::access {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

bool Unchanged(const json::Value& object, const json::Value* old) {
  if (old == nullptr) return false;
  for (const std::string_view field : {"rules", "aggregationRule", "roleRef", "subjects"})
    if (!(object.At({field}) == old->At({field}))) return false;
  return true;
}

bool MayUse(Access& access, const auth::User& user, std::string_view verb,
            std::string_view resource, const std::string& ns, const std::string& name) {
  auth::Attributes attributes;
  attributes.user = user;
  attributes.is_resource = true;
  attributes.verb = verb;
  attributes.group = kGroup;
  attributes.version = "v1";
  attributes.resource = resource;
  attributes.ns = ns;
  attributes.name = name;
  return access.Decide(attributes).allowed;
}

}  // namespace

status::Or<bool> MayGrant(Access& access, const auth::User& user, const json::Value& object,
                          const json::Value* old) {
  if (const status::Or<bool> may = MayCertify(access, user, object, old); !may.ok())
    return may.failure();
  if (!object.At({"apiVersion"}).AsString().starts_with(kGroup) || user.In(auth::kMasters))
    return true;
  if (Unchanged(object, old)) return true;
  const std::string& kind = object.At({"kind"}).AsString();
  const std::string& ns = object.At({"metadata", "namespace"}).AsString();
  const std::string& name = object.At({"metadata", "name"}).AsString();
  const bool cluster = kind.starts_with("Cluster");
  const bool binding = kind.ends_with("Binding");
  const std::string_view resource = binding ? (cluster ? "clusterrolebindings" : "rolebindings")
                                            : (cluster ? "clusterroles" : "roles");
  const std::shared_ptr<const auth::Rbac> rbac = access.rbac();
  if (!rbac) return status::Unavailable("the rules are not read yet");
  std::vector<auth::PolicyRule> given;
  if (binding) {
    const auth::RoleRef ref = auth::ReadBinding(object).role;
    if (MayUse(access, user, "bind", ref.cluster ? "clusterroles" : "roles", ns, ref.name))
      return true;
    const std::vector<auth::PolicyRule>* rules = rbac->FindRules(ref, ns);
    if (rules == nullptr) return status::NotFound({kGroup, resource}, ref.name);
    given = *rules;
  } else {
    if (MayUse(access, user, "escalate", resource, ns, name)) return true;
    if (auth::IsAggregated(object) && !rbac->HoldsEverything(user))
      return status::Forbidden({kGroup, resource}, name,
                               "must have cluster-admin privileges to use the aggregationRule");
    given = auth::ReadRole(object).rules;
  }
  const std::string why = rbac->RefuseEscalation(user, ns, given);
  if (why.empty()) return true;
  return status::Forbidden({kGroup, resource}, name, why);
}

}  // namespace keelson::access
