// SPDX-License-Identifier: Apache-2.0
// Role-based access: an immutable index over all roles and bindings, made anew when one of them
// changes. A question looks only at what is bound to the asker: some microseconds. Any thread.
// Source: k8s.io/kubernetes, plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac (1.35).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/auth/policy_rule.h"

namespace keelson::auth {

struct Role {
  std::string ns;  // empty: a ClusterRole
  std::string name;
  std::vector<PolicyRule> rules;
};

struct RoleRef {
  bool cluster = false;  // a ClusterRole
  std::string name;
};

struct Subject {
  std::string kind;  // "User", "Group", "ServiceAccount"
  std::string name;
  std::string ns;
};

struct Binding {
  std::string ns;  // empty: a ClusterRoleBinding
  std::string name;
  RoleRef role;
  std::vector<Subject> subjects;
};

Role ReadRole(const json::Value& object);
Binding ReadBinding(const json::Value& object);

struct Decision {
  bool allowed = false;
  // Why: which binding allows, or which roles that are bound could not be found.
  std::string reason;
};

class Rbac {
 public:
  Rbac(std::vector<Role> roles, std::vector<Binding> bindings);

  Decision Authorize(const Attributes& attributes) const;
  // Everything that `user` holds in `ns` (empty: in the cluster's scope), cluster-wide rules first.
  // `missing`: roles that are bound and not there, in upstream's words.
  std::vector<const PolicyRule*> RulesOf(const User& user, const std::string& ns,
                                         std::vector<std::string>* missing = nullptr) const;
  // Null: there is none.
  const std::vector<PolicyRule>* FindRules(const RoleRef& ref, const std::string& ns) const;

  // Whether `user` may write a role with these rules, or bind them: only who holds them may. Empty,
  // or the text of the refusal. Who may `escalate` or `bind` is asked before, see MayEscalate.
  std::string RefuseEscalation(const User& user, const std::string& ns,
                               const std::vector<PolicyRule>& wanted) const;
  // Whether `user` may write ClusterRoles with an aggregationRule; upstream asks for everything.
  bool HoldsEverything(const User& user) const;

 private:
  struct Grant {
    const Binding* binding;
    const Subject* subject;
    const std::vector<PolicyRule>* rules;  // null: the role is not there
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename T>
  using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  struct Scope {
    Map<std::vector<Grant>> users;  // service accounts too
    Map<std::vector<Grant>> groups;
  };
  // Calls with each grant of `user` in the cluster's scope, then in `ns`; stops at true.
  template <typename F>
  void Visit(const User& user, std::string_view ns, F&& f) const;
  std::string Reason(const Grant& grant) const;

  const std::vector<Role> roles_;
  const std::vector<Binding> bindings_;
  Map<Map<const Role*>> roles_by_name_;  // namespace, name
  Map<Scope> scopes_;                    // namespace; empty: the cluster's
};

// The rules of a ClusterRole with an aggregationRule: those of all ClusterRoles (sorted by name)
// that its selectors match, each once.
std::vector<PolicyRule> AggregateRules(const json::Value& role,
                                       const std::vector<json::Value>& cluster_roles);
bool IsAggregated(const json::Value& role);
// A meta/v1 LabelSelector against labels.
bool SelectorMatches(const json::Value& selector, const json::Value& labels);

}  // namespace keelson::auth
