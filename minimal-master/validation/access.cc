// SPDX-License-Identifier: Apache-2.0
// Roles and who has them.
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

bool IsEmpty(const Field& list) { return list.value().items().empty(); }

void PolicyRules(const Field& rules, bool of_cluster, Problems& problems) {
  for (const Field& rule : rules.Items()) {
    if (IsEmpty(rule["verbs"]))
      problems.Required(rule["verbs"], "verbs must contain at least one value");
    const Field urls = rule["nonResourceURLs"];
    if (!IsEmpty(urls)) {
      if (!of_cluster) problems.Invalid(urls, "namespaced rules cannot apply to non-resource URLs");
      for (const char* list : {"apiGroups", "resources", "resourceNames"}) {
        if (!IsEmpty(rule[list])) {
          problems.Invalid(urls,
                           "rules cannot apply to both regular resources and non-resource URLs");
          break;
        }
      }
      continue;
    }
    if (IsEmpty(rule["apiGroups"]))
      problems.Required(rule["apiGroups"], "resource rules must supply at least one api group");
    if (IsEmpty(rule["resources"]))
      problems.Required(rule["resources"], "resource rules must supply at least one resource");
  }
}

void Subjects(const Field& subjects, bool of_cluster, Problems& problems) {
  for (const Field& subject : subjects.Items()) {
    const Field name = subject["name"];
    const std::string& kind = subject["kind"].String();
    if (name.String().empty()) problems.Required(name);
    if (kind == "ServiceAccount") {
      if (!name.String().empty()) Named(name, kube::CheckDns1123Subdomain, problems);
      if (!subject["apiGroup"].String().empty()) OneOf(subject["apiGroup"], {""}, problems);
      if (of_cluster) Required(subject["namespace"], problems);
    } else if (kind == "User" || kind == "Group") {
      OneOf(subject["apiGroup"], {kGroup}, problems);
    } else {
      OneOf(subject["kind"], {"ServiceAccount", "User", "Group"}, problems);
    }
  }
}

void Reference(const Field& reference, bool of_cluster, Problems& problems) {
  if (reference["apiGroup"].String() != kGroup) OneOf(reference["apiGroup"], {kGroup}, problems);
  if (of_cluster)
    OneOf(reference["kind"], {"ClusterRole"}, problems);
  else
    OneOf(reference["kind"], {"Role", "ClusterRole"}, problems);
  const Field name = reference["name"];
  if (name.String().empty())
    problems.Required(name);
  else
    Named(name, kube::CheckPathSegment, problems);
}

}  // namespace

void Role(const Field& object, Problems& problems) {
  PolicyRules(object["rules"], false, problems);
}

void ClusterRole(const Field& object, Problems& problems) {
  PolicyRules(object["rules"], true, problems);
  const Field aggregation = object["aggregationRule"];
  if (!aggregation.Present()) return;
  const Field selectors = aggregation["clusterRoleSelectors"];
  if (IsEmpty(selectors))
    problems.Required(selectors,
                      "at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (const Field& selector : selectors.Items()) kube::ValidateLabelSelector(selector, problems);
}

void RoleBinding(const Field& object, Problems& problems) {
  Reference(object["roleRef"], false, problems);
  Subjects(object["subjects"], false, problems);
}

void ClusterRoleBinding(const Field& object, Problems& problems) {
  Reference(object["roleRef"], true, problems);
  Subjects(object["subjects"], true, problems);
}

void BindingChange(const Field& now, const Field& before, Problems& problems) {
  const Field reference = now["roleRef"];
  if (!Same(reference, before["roleRef"])) {
    const std::string shown = fmt::format(R"({{"APIGroup":{},"Kind":{},"Name":{}}})",
                                          kube::Shown(json::Value(reference["apiGroup"].String())),
                                          kube::Shown(json::Value(reference["kind"].String())),
                                          kube::Shown(json::Value(reference["name"].String())));
    problems.Invalid(reference, shown, "cannot change roleRef");
  }
}

}  // namespace keelson::validation
