// SPDX-License-Identifier: Apache-2.0
// Autoscalers: v1 has a field for the processor's aim; every other metric, what was measured,
// conditions and behaviour travel in annotations, in spellings of their own.
#include <string>
#include <vector>

#include "minimal-master/conversion/forms.h"

namespace keelson::conversion {
namespace {

constexpr char kMetrics[] = "autoscaling.alpha.kubernetes.io/metrics";
constexpr char kCurrent[] = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr char kConditions[] = "autoscaling.alpha.kubernetes.io/conditions";
constexpr char kBehavior[] = "autoscaling.alpha.kubernetes.io/behavior";

Value& Member(Value& object, std::string_view key) {
  Value* value = object.Find(key);
  if (value != nullptr && value->IsObject()) return *value;
  object.Set(key, Value::Object());
  return *object.Find(key);
}

void Move(Value& to, std::string_view to_key, const Value& from) {
  if (!from.IsNull()) to.Set(to_key, from);
}

std::string KeyOf(const std::string& type) {
  if (type.empty()) return "";
  std::string key = type;
  key[0] = static_cast<char>(key[0] - 'A' + 'a');
  return key;
}

bool IsProcessor(const Value& metric) {
  return metric.At({"type"}).AsString() == "Resource" &&
         metric.At({"resource", "name"}).AsString() == "cpu";
}

// {resource: {name, target: {averageUtilization}}} as {resource: {name, targetAverageUtilization}}.
// `end`: "target" or "current".
Value Flattened(const Value& metric, const char* end) {
  const std::string type = metric.At({"type"}).AsString();
  const std::string key = KeyOf(type);
  const Value& source = metric.At({key});
  const Value& amount = source.At({end});
  const std::string prefix = end;
  Value inner = Value::Object();
  if (type == "Object") Move(inner, "target", source.At({"describedObject"}));
  if (type == "Resource" || type == "ContainerResource")
    Move(inner, "name", source.At({"name"}));
  else
    Move(inner, "metricName", source.At({"metric", "name"}));
  const bool external = type == "External";
  if (external) Move(inner, "metricSelector", source.At({"metric", "selector"}));
  if (type == "Resource" || type == "ContainerResource")
    Move(inner, prefix + "AverageUtilization", amount.At({"averageUtilization"}));
  if (type == "Object" || external) Move(inner, prefix + "Value", amount.At({"value"}));
  if (type == "Object")
    Move(inner, "averageValue", amount.At({"averageValue"}));
  else
    Move(inner, prefix + "AverageValue", amount.At({"averageValue"}));
  if (type == "ContainerResource") Move(inner, "container", source.At({"container"}));
  if (!external) Move(inner, "selector", source.At({"metric", "selector"}));
  Value out;
  out.Set("type", Value(type));
  out.Set(key, std::move(inner));
  return out;
}

Value Unflattened(const Value& metric, const char* end) {
  const std::string type = metric.At({"type"}).AsString();
  const std::string key = KeyOf(type);
  const Value& source = metric.At({key});
  const std::string prefix = end;
  Value amount = Value::Object();
  const Value& utilization = source.At({prefix + "AverageUtilization"});
  const Value& average =
      type == "Object" ? source.At({"averageValue"}) : source.At({prefix + "AverageValue"});
  const Value& value = source.At({prefix + "Value"});
  if (prefix == "target")
    amount.Set("type", Value(!utilization.IsNull() ? "Utilization"
                             : !average.IsNull()   ? "AverageValue"
                                                   : "Value"));
  Move(amount, "averageUtilization", utilization);
  Move(amount, "averageValue", average);
  Move(amount, "value", value);
  Value inner = Value::Object();
  if (type == "Object") Move(inner, "describedObject", source.At({"target"}));
  if (type == "Resource" || type == "ContainerResource") {
    Move(inner, "name", source.At({"name"}));
    Move(inner, "container", source.At({"container"}));
  } else {
    Value named = Value::Object();
    Move(named, "name", source.At({"metricName"}));
    Move(named, "selector",
         type == "External" ? source.At({"metricSelector"}) : source.At({"selector"}));
    inner.Set("metric", std::move(named));
  }
  inner.Set(end, std::move(amount));
  Value out;
  out.Set("type", Value(type));
  out.Set(key, std::move(inner));
  return out;
}

// Behaviour is written by the names that upstream's program has for its fields.
Value CapitalRules(const Value& rules) {
  if (rules.IsNull()) return {};
  Value out = Value::Object();
  out.Set("StabilizationWindowSeconds", rules.At({"stabilizationWindowSeconds"}));
  out.Set("SelectPolicy", rules.At({"selectPolicy"}));
  Value policies = Value::Array();
  for (const Value& policy : rules.At({"policies"}).items()) {
    Value item;
    item.Set("Type", policy.At({"type"}));
    item.Set("Value", policy.At({"value"}));
    item.Set("PeriodSeconds", policy.At({"periodSeconds"}));
    policies.Append(std::move(item));
  }
  out.Set("Policies", std::move(policies));
  out.Set("Tolerance", rules.At({"tolerance"}));
  return out;
}

Value PlainRules(const Value& rules) {
  Value out = Value::Object();
  Move(out, "stabilizationWindowSeconds", rules.At({"StabilizationWindowSeconds"}));
  Move(out, "selectPolicy", rules.At({"SelectPolicy"}));
  Move(out, "tolerance", rules.At({"Tolerance"}));
  if (!rules.At({"Policies"}).IsArray()) return out;
  Value policies = Value::Array();
  for (const Value& policy : rules.At({"Policies"}).items()) {
    Value item = Value::Object();
    Move(item, "type", policy.At({"Type"}));
    Move(item, "value", policy.At({"Value"}));
    Move(item, "periodSeconds", policy.At({"PeriodSeconds"}));
    policies.Append(std::move(item));
  }
  out.Set("policies", std::move(policies));
  return out;
}

// An annotation that cannot be read is left where it is: it says nothing to us.
Value TakeAnnotation(Value& object, const char* key) {
  Value* metadata = object.Find("metadata");
  Value* annotations = metadata == nullptr ? nullptr : metadata->Find("annotations");
  const Value* text = annotations == nullptr ? nullptr : annotations->Find(key);
  if (text == nullptr) return {};
  base::Result<Value> value = json::ParseJson(text->AsString());
  if (!value.ok()) return {};
  annotations->Erase(key);
  if (annotations->members().empty()) metadata->Erase("annotations");
  return *std::move(value);
}

void Annotate(Value& object, const char* key, const Value& value) {
  Member(Member(object, "metadata"), "annotations").Set(key, Value(json::WriteJson(value)));
}

}  // namespace

Value AutoscalerFromV2(Value object) {
  object.Set("apiVersion", Value("autoscaling/v1"));
  Value& spec = Member(object, "spec");
  Value others = Value::Array();
  Value aim;
  for (const Value& metric : spec.At({"metrics"}).items()) {
    const Value& percent = metric.At({"resource", "target", "averageUtilization"});
    if (IsProcessor(metric) && !percent.IsNull() && aim.IsNull())
      aim = percent;
    else
      others.Append(Flattened(metric, "target"));
  }
  const Value behavior = spec.At({"behavior"});
  spec.Erase("metrics");
  spec.Erase("behavior");
  Move(spec, "targetCPUUtilizationPercentage", aim);
  Value& status = Member(object, "status");
  Value current = Value::Array();
  Value measured;
  for (const Value& metric : status.At({"currentMetrics"}).items()) {
    const Value& percent = metric.At({"resource", "current", "averageUtilization"});
    if (IsProcessor(metric) && !percent.IsNull()) measured = percent;
    current.Append(Flattened(metric, "current"));
  }
  const Value conditions = status.At({"conditions"});
  status.Erase("currentMetrics");
  status.Erase("conditions");
  Move(status, "currentCPUUtilizationPercentage", measured);
  if (!others.items().empty()) Annotate(object, kMetrics, others);
  if (!current.items().empty()) Annotate(object, kCurrent, current);
  if (!conditions.items().empty()) Annotate(object, kConditions, conditions);
  if (behavior.IsObject()) {
    Value capital;
    capital.Set("ScaleUp", CapitalRules(behavior.At({"scaleUp"})));
    capital.Set("ScaleDown", CapitalRules(behavior.At({"scaleDown"})));
    Annotate(object, kBehavior, capital);
  }
  return object;
}

Value AutoscalerToV2(Value object) {
  object.Set("apiVersion", Value("autoscaling/v2"));
  const Value others = TakeAnnotation(object, kMetrics);
  const Value current = TakeAnnotation(object, kCurrent);
  const Value conditions = TakeAnnotation(object, kConditions);
  const Value behavior = TakeAnnotation(object, kBehavior);
  (void)Member(object, "status");
  Value& spec = Member(object, "spec");
  Value metrics = Value::Array();
  for (const Value& metric : others.items()) metrics.Append(Unflattened(metric, "target"));
  if (const Value aim = spec.At({"targetCPUUtilizationPercentage"}); !aim.IsNull()) {
    Value flat;
    flat.Set("type", Value("Resource"));
    Member(flat, "resource").Set("name", Value("cpu"));
    Member(flat, "resource").Set("targetAverageUtilization", aim);
    metrics.Append(Unflattened(flat, "target"));
  }
  spec.Erase("targetCPUUtilizationPercentage");
  if (!metrics.items().empty()) spec.Set("metrics", std::move(metrics));
  if (behavior.IsObject()) {
    Value plain = Value::Object();
    if (behavior.At({"ScaleUp"}).IsObject())
      plain.Set("scaleUp", PlainRules(behavior.At({"ScaleUp"})));
    if (behavior.At({"ScaleDown"}).IsObject())
      plain.Set("scaleDown", PlainRules(behavior.At({"ScaleDown"})));
    spec.Set("behavior", std::move(plain));
  }
  Value& status = Member(object, "status");
  Value measured = Value::Array();
  for (const Value& metric : current.items()) measured.Append(Unflattened(metric, "current"));
  if (const Value percent = status.At({"currentCPUUtilizationPercentage"});
      !percent.IsNull() && measured.items().empty()) {
    Value flat;
    flat.Set("type", Value("Resource"));
    Member(flat, "resource").Set("name", Value("cpu"));
    Member(flat, "resource").Set("currentAverageUtilization", percent);
    measured.Append(Unflattened(flat, "current"));
  }
  status.Erase("currentCPUUtilizationPercentage");
  if (!measured.items().empty()) status.Set("currentMetrics", std::move(measured));
  if (!conditions.items().empty()) status.Set("conditions", conditions);
  return object;
}

}  // namespace keelson::conversion
