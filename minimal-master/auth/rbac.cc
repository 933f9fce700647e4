// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/rbac.h"

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::auth {
namespace {

std::string Text(const json::Value& object, std::initializer_list<std::string_view> path) {
  return object.At(path).AsString();
}

std::string NotFoundText(const RoleRef& ref) {
  return fmt::format("{}.rbac.authorization.k8s.io {} not found",
                     ref.cluster ? "clusterroles" : "roles", json::Quote(ref.name));
}

}  // namespace

Role ReadRole(const json::Value& object) {
  Role role{.ns = Text(object, {"metadata", "namespace"}),
            .name = Text(object, {"metadata", "name"}),
            .rules = {}};
  for (const json::Value& rule : object.At({"rules"}).items()) role.rules.push_back(ReadRule(rule));
  return role;
}

Binding ReadBinding(const json::Value& object) {
  Binding binding{.ns = Text(object, {"metadata", "namespace"}),
                  .name = Text(object, {"metadata", "name"}),
                  .role = {.cluster = Text(object, {"roleRef", "kind"}) == "ClusterRole",
                           .name = Text(object, {"roleRef", "name"})},
                  .subjects = {}};
  for (const json::Value& subject : object.At({"subjects"}).items())
    binding.subjects.push_back(
        {Text(subject, {"kind"}), Text(subject, {"name"}), Text(subject, {"namespace"})});
  return binding;
}

Rbac::Rbac(std::vector<Role> roles, std::vector<Binding> bindings)
    : roles_(std::move(roles)), bindings_(std::move(bindings)) {
  for (const Role& role : roles_) roles_by_name_[role.ns][role.name] = &role;
  for (const Binding& binding : bindings_) {
    Scope& scope = scopes_[binding.ns];
    const std::vector<PolicyRule>* rules = FindRules(binding.role, binding.ns);
    for (const Subject& subject : binding.subjects) {
      const Grant grant{&binding, &subject, rules};
      if (subject.kind == "User") {
        scope.users[subject.name].push_back(grant);
      } else if (subject.kind == "Group") {
        scope.groups[subject.name].push_back(grant);
      } else if (subject.kind == "ServiceAccount") {
        const std::string& ns = subject.ns.empty() ? binding.ns : subject.ns;
        if (!ns.empty()) scope.users[ServiceAccountName(ns, subject.name)].push_back(grant);
      }
    }
  }
}

const std::vector<PolicyRule>* Rbac::FindRules(const RoleRef& ref, const std::string& ns) const {
  const auto in = roles_by_name_.find(ref.cluster ? "" : ns);
  if (in == roles_by_name_.end() || (!ref.cluster && ns.empty())) return nullptr;
  const auto found = in->second.find(ref.name);
  return found == in->second.end() ? nullptr : &found->second->rules;
}

template <typename F>
void Rbac::Visit(const User& user, std::string_view ns, F&& f) const {
  for (const std::string_view where : {std::string_view(), ns}) {
    const auto scope = scopes_.find(where);
    if (scope != scopes_.end()) {
      if (const auto own = scope->second.users.find(user.name); own != scope->second.users.end())
        for (const Grant& grant : own->second)
          if (f(grant)) return;
      for (const std::string& group : user.groups)
        if (const auto its = scope->second.groups.find(group); its != scope->second.groups.end())
          for (const Grant& grant : its->second)
            if (f(grant)) return;
    }
    if (ns.empty()) return;
  }
}

std::string Rbac::Reason(const Grant& grant) const {
  const Binding& binding = *grant.binding;
  std::string subject = grant.subject->name;
  if (grant.subject->kind == "ServiceAccount")
    subject += "/" + (grant.subject->ns.empty() ? binding.ns : grant.subject->ns);
  return fmt::format(
      "RBAC: allowed by {} {} of {} {} to {} {}",
      binding.ns.empty() ? "ClusterRoleBinding" : "RoleBinding",
      json::Quote(binding.ns.empty() ? binding.name : binding.name + "/" + binding.ns),
      binding.role.cluster ? "ClusterRole" : "Role", json::Quote(binding.role.name),
      grant.subject->kind, json::Quote(subject));
}

Decision Rbac::Authorize(const Attributes& attributes) const {
  Decision decision;
  std::vector<std::string> missing;
  const std::string_view ns = attributes.is_resource ? std::string_view(attributes.ns) : "";
  Visit(attributes.user, ns, [&](const Grant& grant) {
    if (grant.rules == nullptr) {
      missing.push_back(NotFoundText(grant.binding->role));
      return false;
    }
    for (const PolicyRule& rule : *grant.rules) {
      if (!Allows(rule, attributes)) continue;
      decision = {true, Reason(grant)};
      return true;
    }
    return false;
  });
  if (!decision.allowed && !missing.empty())
    decision.reason =
        missing.size() == 1 ? "RBAC: " + missing[0] : "RBAC: [" + base::Join(missing, ", ") + "]";
  return decision;
}

std::vector<const PolicyRule*> Rbac::RulesOf(const User& user, const std::string& ns,
                                             std::vector<std::string>* missing) const {
  std::vector<const PolicyRule*> all;
  Visit(user, ns, [&](const Grant& grant) {
    if (grant.rules == nullptr) {
      if (missing != nullptr) missing->push_back(NotFoundText(grant.binding->role));
      return false;
    }
    for (const PolicyRule& rule : *grant.rules) all.push_back(&rule);
    return false;
  });
  return all;
}

std::string Rbac::RefuseEscalation(const User& user, const std::string& ns,
                                   const std::vector<PolicyRule>& wanted) const {
  if (user.In(kMasters)) return "";
  std::vector<std::string> unresolved;
  const std::vector<PolicyRule> missing = Missing(RulesOf(user, ns, &unresolved), wanted);
  if (missing.empty()) return "";
  std::set<std::string> lines;
  for (const PolicyRule& rule : Compact(missing)) lines.insert(CompactText(rule));
  std::string groups;
  for (const std::string& group : user.groups)
    groups += (groups.empty() ? "" : " ") + json::Quote(group);
  std::string text = fmt::format(
      "user {} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
      json::Quote(user.name), groups,
      base::Join(std::vector<std::string>(lines.begin(), lines.end()), "\n"));
  if (!unresolved.empty()) text += "; resolution errors: [" + base::Join(unresolved, ", ") + "]";
  return text;
}

bool Rbac::HoldsEverything(const User& user) const {
  const std::vector<PolicyRule> everything = {
      {.verbs = {"*"}, .api_groups = {"*"}, .resources = {"*"}},
      {.verbs = {"*"}, .non_resource_urls = {"*"}}};
  return user.In(kMasters) || Missing(RulesOf(user, ""), everything).empty();
}

bool IsAggregated(const json::Value& role) {
  return !role.At({"aggregationRule", "clusterRoleSelectors"}).items().empty();
}

bool SelectorMatches(const json::Value& selector, const json::Value& labels) {
  for (const auto& [key, value] : selector.At({"matchLabels"}).members()) {
    const json::Value* label = labels.Find(key);
    if (label == nullptr || label->AsString() != value.AsString()) return false;
  }
  for (const json::Value& part : selector.At({"matchExpressions"}).items()) {
    const json::Value* label = labels.Find(Text(part, {"key"}));
    const std::string how = Text(part, {"operator"});
    bool listed = false;
    for (const json::Value& value : part.At({"values"}).items())
      listed = listed || (label != nullptr && value.AsString() == label->AsString());
    const bool good = how == "In"       ? listed
                      : how == "NotIn"  ? !listed
                      : how == "Exists" ? label != nullptr
                                        : label == nullptr && how == "DoesNotExist";
    if (!good) return false;
  }
  return true;
}

std::vector<PolicyRule> AggregateRules(const json::Value& role,
                                       const std::vector<json::Value>& cluster_roles) {
  std::vector<const json::Value*> sorted;
  for (const json::Value& one : cluster_roles) sorted.push_back(&one);
  std::sort(sorted.begin(), sorted.end(), [](const json::Value* a, const json::Value* b) {
    return a->At({"metadata", "name"}).AsString() < b->At({"metadata", "name"}).AsString();
  });
  const std::string own = Text(role, {"metadata", "name"});
  std::vector<PolicyRule> rules;
  for (const json::Value& selector : role.At({"aggregationRule", "clusterRoleSelectors"}).items())
    for (const json::Value* one : sorted) {
      if (Text(*one, {"metadata", "name"}) == own ||
          !SelectorMatches(selector, one->At({"metadata", "labels"})))
        continue;
      for (const json::Value& each : one->At({"rules"}).items()) {
        PolicyRule rule = ReadRule(each);
        if (std::find(rules.begin(), rules.end(), rule) == rules.end())
          rules.push_back(std::move(rule));
      }
    }
  return rules;
}

}  // namespace keelson::auth
