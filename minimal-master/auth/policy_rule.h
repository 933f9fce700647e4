// SPDX-License-Identifier: Apache-2.0
// RBAC's rules: what one allows, and whether some rules hold all that others do. Pure, any thread.
// Source: k8s.io/component-helpers/auth/rbac/validation (1.35).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/auth/attributes.h"

namespace keelson::auth {

struct PolicyRule {
  std::vector<std::string> verbs;
  std::vector<std::string> api_groups;
  std::vector<std::string> resources;  // "pods", "pods/log", "*", "*/scale"
  std::vector<std::string> resource_names;
  std::vector<std::string> non_resource_urls;

  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

PolicyRule ReadRule(const json::Value& rule);
json::Value ToJson(const PolicyRule& rule);

bool Allows(const PolicyRule& rule, const Attributes& attributes);

// What of `wanted` no rule of `held` gives, in small parts (one group, resource, verb and name
// each). Empty: all of it is held.
std::vector<PolicyRule> Missing(const std::vector<const PolicyRule*>& held,
                                const std::vector<PolicyRule>& wanted);
// Parts that differ in their verbs alone, joined.
std::vector<PolicyRule> Compact(const std::vector<PolicyRule>& parts);
// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`
std::string CompactText(const PolicyRule& rule);

}  // namespace keelson::auth
