// SPDX-License-Identifier: Apache-2.0
// Horizontal pod autoscalers, version 2's shape (version 1 is a part of it).
#include <algorithm>
#include <vector>

#include "lib/kube/schema.h"
#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

constexpr std::string_view kRaw = "must set either a target raw value or a target utilization";

bool IsPositive(const Field& amount) {
  return kube::Quantity() < kube::QuantityOf(amount.value()).ValueOr(kube::Quantity());
}

void Segment(const Field& field, Problems& problems, std::string_view why = "") {
  if (field.String().empty())
    problems.Required(field, why);
  else
    Named(field, kube::CheckPathSegment, problems);
}

void ApiGroup(const Field& version, bool may_be_core, const Field& kind, Problems& problems) {
  const std::string& text = version.String();
  const size_t slash = text.find('/');
  if (slash != std::string::npos || (may_be_core && kind.String() == "ReplicationController"))
    return;
  problems.Invalid(version, text.empty() ? "\"\"" : kube::Shown(version.value()),
                   "apiVersion must specify API group");
}

void Reference(const Field& target, bool of_scale, Problems& problems) {
  Segment(target["kind"], problems);
  Segment(target["name"], problems);
  if (of_scale) ApiGroup(target["apiVersion"], true, target["kind"], problems);
}

void Target(const Field& target, Problems& problems) {
  const Field type = target["type"];
  if (type.String().empty()) problems.Required(type, "must specify a metric target type");
  if (type.String() != "Utilization" && type.String() != "Value" && type.String() != "AverageValue")
    problems.InvalidText(type, type.String(), "must be either Utilization, Value, or AverageValue");
  const Field value = target["value"];
  if (value.Present() && !IsPositive(value))
    problems.InvalidText(value,
                         kube::QuantityOf(value.value()).ValueOr(kube::Quantity()).Canonical(),
                         "must be positive");
  const Field average = target["averageValue"];
  if (average.Present() && !IsPositive(average))
    problems.InvalidText(average,
                         kube::QuantityOf(average.value()).ValueOr(kube::Quantity()).Canonical(),
                         "must be positive");
  const Field utilization = target["averageUtilization"];
  if (utilization.Present() && utilization.Int() < 1)
    problems.Invalid(utilization, "must be greater than 0");
}

void Identifier(const Field& metric, Problems& problems) {
  Segment(metric["name"], problems, "must specify a metric name");
}

void ResourceTarget(const Field& target, Problems& problems) {
  Target(target, problems);
  if (!target["averageUtilization"].Present() && !target["averageValue"].Present())
    problems.Required(target["averageUtilization"], kRaw);
  if (target["averageUtilization"].Present() && target["averageValue"].Present())
    problems.Forbidden(target["averageValue"],
                       "may not set both a target raw value and a target utilization");
}

void Source(const Field& source, std::string_view name, Problems& problems) {
  const Field target = source["target"];
  if (name == "object") {
    Reference(source["describedObject"], false, problems);
    Identifier(source["metric"], problems);
    Target(target, problems);
    if (!target["value"].Present() && !target["averageValue"].Present())
      problems.Required(target["averageValue"], "must set either a target value or averageValue");
  } else if (name == "external") {
    Identifier(source["metric"], problems);
    Target(target, problems);
    if (!target["value"].Present() && !target["averageValue"].Present())
      problems.Required(target["averageValue"],
                        "must set either a target value for metric or a per-pod target");
    if (target["value"].Present() && target["averageValue"].Present())
      problems.Forbidden(target["value"],
                         "may not set both a target value for metric and a per-pod target");
  } else if (name == "pods") {
    Identifier(source["metric"], problems);
    Target(target, problems);
    if (!target["averageValue"].Present())
      problems.Required(target["averageValue"], "must specify a positive target averageValue");
  } else {
    if (source["name"].String().empty())
      problems.Required(source["name"], "must specify a resource name");
    if (name == "containerResource")
      Required(source["container"], problems, "must specify a container");
    ResourceTarget(target, problems);
  }
}

void Metric(const Field& metric, Problems& problems) {
  static const std::initializer_list<std::string_view> kTypes = {"ContainerResource", "External",
                                                                 "Object", "Pods", "Resource"};
  const Field type = metric["type"];
  if (type.String().empty()) problems.Required(type, "must specify a metric source type");
  OneOf(type, kTypes, problems);
  std::string expected = type.String();
  if (!expected.empty()) expected[0] = static_cast<char>(expected[0] | 0x20);
  const bool known = std::find(kTypes.begin(), kTypes.end(), type.String()) != kTypes.end();
  std::vector<Field> sources;
  for (const char* name : {"object", "external", "pods", "resource", "containerResource"}) {
    if (metric[name].Present()) sources.push_back(metric[name]);
  }
  if (!known)
    OneOf(type, kTypes, problems);  // upstream says it twice
  else if (!metric[expected].Present())
    problems.Required(metric[expected], "must populate information for the given metric source");
  if (sources.size() != 1) {
    for (const Field& source : sources) {
      if (source.key() != expected)
        problems.Forbidden(source, "must populate the given metric source only");
    }
  }
  for (const Field& source : sources) Source(source, source.key(), problems);
}

void ScalingRules(const Field& rules, Problems& problems) {
  if (!rules.Present()) return;
  const Field window = rules["stabilizationWindowSeconds"];
  if (window.Int() < 0) problems.Invalid(window, "must be greater than or equal to zero");
  if (window.Int() > 3600) problems.Invalid(window, "must be less than or equal to 3600");
  if (const Field select = rules["selectPolicy"]; select.Present())
    OneOf(select, {"Disabled", "Max", "Min"}, problems);
  const Field policies = rules["policies"];
  if (policies.value().items().empty())
    problems.Required(policies, "must specify at least one Policy");
  for (const Field& policy : policies.Items()) {
    OneOf(policy["type"], {"Percent", "Pods"}, problems);
    if (policy["value"].Int() <= 0)
      problems.Invalid(policy["value"], std::to_string(policy["value"].Int()),
                       "must be greater than zero");
    const Field period = policy["periodSeconds"];
    if (period.Int() <= 0)
      problems.Invalid(period, std::to_string(period.Int()), "must be greater than zero");
    if (period.Int() > 1800) problems.Invalid(period, "must be less than or equal to 1800");
  }
}

}  // namespace

void Autoscaler(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field least = spec["minReplicas"];
  const Field most = spec["maxReplicas"];
  if (least.Present() && least.Int() < 1)
    problems.Invalid(least, "must be greater than or equal to 1");
  if (most.Int() < 1) problems.Invalid(most, std::to_string(most.Int()), "must be greater than 0");
  if (least.Present() && most.Int() < least.Int())
    problems.Invalid(most, std::to_string(most.Int()),
                     "must be greater than or equal to `minReplicas`");
  Reference(spec["scaleTargetRef"], true, problems);
  for (const Field& metric : spec["metrics"].Items()) Metric(metric, problems);
  if (const Field cpu = spec["targetCPUUtilizationPercentage"]; cpu.Present() && cpu.Int() < 1)
    problems.Invalid(cpu.WithPath("spec.metrics[0].resource.target.averageUtilization"),
                     "must be greater than 0");
  ScalingRules(spec["behavior"]["scaleUp"], problems);
  ScalingRules(spec["behavior"]["scaleDown"], problems);
}

}  // namespace keelson::validation
