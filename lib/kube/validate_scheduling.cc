// SPDX-License-Identifier: Apache-2.0
// Where a pod may run: the node looks at its own labels and taints, so these must be readable too.
#include "lib/json/text.h"
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {}  // namespace

void ValidateTolerations(const Field& tolerations, Problems& problems) {
  for (const Field& toleration : tolerations.Items()) {
    const std::string& key = toleration["key"].String();
    const std::string& value = toleration["value"].String();
    const Field at = toleration["operator"];
    const Field effect = toleration["effect"];
    if (!key.empty()) problems.InvalidText(toleration["key"], key, CheckQualifiedName(key));
    if (key.empty() && at.String() != "Exists") {
      problems.InvalidText(at, at.String(),
                           "operator must be Exists when `key` is empty, which means \"match all "
                           "values and all keys\"");
    }
    if (toleration["tolerationSeconds"].Present() && effect.String() != "NoExecute") {
      problems.InvalidText(effect, effect.String(),
                           "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (at.String().empty() || at.String() == "Equal") {
      problems.InvalidText(at, value, CheckLabelValue(value));
    } else if (at.String() != "Exists") {
      problems.NotSupported(at, at.String(), {"Equal", "Exists"});
    } else if (!value.empty()) {
      problems.InvalidText(at, value, "value must be empty when `operator` is 'Exists'");
    }
    const std::string& name = effect.String();
    if (!name.empty() && name != "NoSchedule" && name != "PreferNoSchedule" &&
        name != "NoExecute") {
      problems.NotSupported(effect, name, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
    }
  }
}

namespace {

// An entry of matchExpressions: of a node selector (then also Gt and Lt) or a label selector.
void ValidateExpression(const Field& expression, bool of_node, Problems& problems) {
  const Field values = expression["values"];
  const size_t count = values.value().items().size();
  const std::string& op = expression["operator"].String();
  if (op == "In" || op == "NotIn") {
    if (count == 0)
      problems.Required(values, "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (count > 0)
      problems.Forbidden(values,
                         "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (of_node && (op == "Gt" || op == "Lt")) {
    if (count != 1)
      problems.Required(values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    problems.InvalidText(expression["operator"], op, "not a valid selector operator");
  }
  const std::string& key = expression["key"].String();
  problems.InvalidText(expression["key"], key, CheckQualifiedName(key));
  for (const Field& value : values.Items())
    problems.InvalidText(value, value.String(), CheckLabelValue(value.String()));
}

void ValidateFieldExpression(const Field& expression, Problems& problems) {
  const Field values = expression["values"];
  const std::string& op = expression["operator"].String();
  const std::string& key = expression["key"].String();
  if (op != "In" && op != "NotIn") {
    problems.InvalidText(expression["operator"], op, "not a valid selector operator");
  } else if (values.value().items().size() != 1) {
    problems.Required(
        values,
        "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (key != "metadata.name")
    return problems.InvalidText(expression["key"], key, "not a valid field selector key");
  for (const Field& value : values.Items())
    problems.InvalidText(value, value.String(), CheckDns1123Subdomain(value.String()));
}

}  // namespace

void ValidateNodeTerm(const Field& term, Problems& problems) {
  for (const Field& expression : term["matchExpressions"].Items())
    ValidateExpression(expression, true, problems);
  for (const Field& expression : term["matchFields"].Items())
    ValidateFieldExpression(expression, problems);
}

namespace {

void ValidateWeight(const Field& weight, Problems& problems) {
  if (weight.Int() < 1 || weight.Int() > 100)
    problems.Invalid(weight, std::to_string(weight.Int()), "must be in the range 1-100");
}

}  // namespace

void ValidateLabelSelector(const Field& selector, Problems& problems) {
  ValidateLabels(selector["matchLabels"], problems);
  for (const Field& expression : selector["matchExpressions"].Items())
    ValidateExpression(expression, false, problems);
}

namespace {

void ValidatePodTerm(const Field& term, Problems& problems) {
  ValidateLabelSelector(term["labelSelector"], problems);
  ValidateLabelSelector(term["namespaceSelector"], problems);
  for (const Field& space : term["namespaces"].Items()) {
    problems.InvalidText(space.WithPath(term.path() + ".namespace"), space.String(),
                         CheckDns1123Label(space.String()));
  }
  const std::string& key = term["topologyKey"].String();
  if (key.empty()) problems.Required(term["topologyKey"], "can not be empty");
  problems.InvalidText(term["topologyKey"], key, CheckQualifiedName(key));
}

void ValidateAffinity(const Field& affinity, Problems& problems) {
  constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  constexpr const char* kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";
  const Field node = affinity["nodeAffinity"];
  if (const Field required = node[kRequired]; required.Present()) {
    const Field terms = required["nodeSelectorTerms"];
    if (terms.value().items().empty())
      problems.Required(terms, "must have at least one node selector term");
    for (const Field& term : terms.Items()) ValidateNodeTerm(term, problems);
  }
  for (const Field& preferred : node[kPreferred].Items()) {
    ValidateWeight(preferred["weight"], problems);
    ValidateNodeTerm(preferred["preference"], problems);
  }
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    for (const Field& term : affinity[kind][kRequired].Items()) ValidatePodTerm(term, problems);
    for (const Field& preferred : affinity[kind][kPreferred].Items()) {
      ValidateWeight(preferred["weight"], problems);
      ValidatePodTerm(preferred["podAffinityTerm"], problems);
    }
  }
}

void ValidateSpread(const Field& constraints, Problems& problems) {
  const std::vector<Field> items = constraints.Items();
  for (size_t i = 0; i < items.size(); ++i) {
    const Field& constraint = items[i];
    const Field skew = constraint["maxSkew"];
    const Field domains = constraint["minDomains"];
    const Field when = constraint["whenUnsatisfiable"];
    const std::string& key = constraint["topologyKey"].String();
    if (skew.Int() <= 0)
      problems.Invalid(skew, std::to_string(skew.Int()), "must be greater than zero");
    if (key.empty()) problems.Required(constraint["topologyKey"], "can not be empty");
    if (when.String() != "DoNotSchedule" && when.String() != "ScheduleAnyway") {
      problems.NotSupported(when, when.String(), {"DoNotSchedule", "ScheduleAnyway"});
    }
    for (size_t later = i + 1; later < items.size(); ++later) {
      if (items[later]["topologyKey"].String() != key ||
          items[later]["whenUnsatisfiable"].String() != when.String())
        continue;
      problems.Duplicate(
          constraint.WithPath(constraint.path() + ".{topologyKey, whenUnsatisfiable}"),
          json::Quote(fmt::format("{{{}, {}}}", key, when.String())));
    }
    if (domains.Present() && domains.Int() <= 0)
      problems.Invalid(domains, "must be greater than zero");
    if (domains.Present() && when.String() != "DoNotSchedule") {
      problems.Invalid(
          domains, fmt::format("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                               when.String()));
    }
    for (const char* policy : {"nodeAffinityPolicy", "nodeTaintsPolicy"}) {
      const Field at = constraint[policy];
      if (at.Present() && at.String() != "Honor" && at.String() != "Ignore")
        problems.NotSupported(at, at.String(), {"Honor", "Ignore"});
    }
    ValidateLabelSelector(constraint["labelSelector"], problems);
  }
}

}  // namespace

void ValidateScheduling(const Field& spec, Problems& problems) {
  ValidateLabels(spec["nodeSelector"], problems);
  ValidateAffinity(spec["affinity"], problems);
  std::set<std::string> gates;
  for (const Field& gate : spec["schedulingGates"].Items()) {
    const std::string& name = gate["name"].String();
    problems.InvalidText(gate, name, CheckQualifiedName(name));
    if (!gates.insert(name).second) problems.Duplicate(gate, json::Quote(name));
  }
  if (!gates.empty() && !spec["nodeName"].String().empty()) {
    problems.Forbidden(spec["nodeName"],
                       "cannot be set until all schedulingGates have been cleared");
  }
  ValidateSpread(spec["topologySpreadConstraints"], problems);
  ValidateTolerations(spec["tolerations"], problems);
}

}  // namespace keelson::kube
