// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/validation/validation.h"

#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"

namespace keelson::validation {
namespace {

using json::Value;
using kube::Field;
using kube::Problem;
using kube::Problems;

using NameRule = kube::Complaints (*)(std::string_view);

// Most names are those of hosts; some only have to fit into a path, some into a label.
NameRule NameRuleOf(std::string_view group, std::string_view kind) {
  if (group == "rbac.authorization.k8s.io") return kube::CheckPathSegment;
  if (group.empty() && kind == "Namespace") return kube::CheckDns1123Label;
  return kube::CheckDns1123Subdomain;
}

void Immutable(const Field& now, const Field& before, Problems& problems) {
  if (!(now.value() == before.value())) problems.Invalid(now, "field is immutable");
}

}  // namespace

std::vector<Problem> OfCreate(std::string_view group, std::string_view kind, const Value& object) {
  Problems problems;
  const Field root(object);
  if (group.empty() && kind == "Pod")
    kube::ValidatePod(root, problems);
  else
    kube::ValidateMeta(root["metadata"], problems, NameRuleOf(group, kind));
  return problems.list();
}

std::vector<Problem> OfUpdate(std::string_view group, std::string_view kind, std::string_view,
                              const Value& object, const Value& old) {
  Problems problems;
  const Field meta = Field(object)["metadata"];
  const Field before = Field(old)["metadata"];
  kube::ValidateMeta(meta, problems, NameRuleOf(group, kind));
  Immutable(meta["uid"], before["uid"], problems);
  return problems.list();
}

}  // namespace keelson::validation
