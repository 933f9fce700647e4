// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/placement.h"

#include <algorithm>

#include "minimal-master/controllers/eviction/plan.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/template.h"

namespace keelson::daemonset {
namespace {

using json::Value;
using watch::selectors::LabelRequirement;
using watch::selectors::LabelSelector;

LabelRequirement ReadExpression(const Value& expression) {
  using Operator = LabelRequirement::Operator;
  const std::string& op = expression.At({"operator"}).AsString();
  LabelRequirement out;
  out.key = expression.At({"key"}).AsString();
  out.op = op == "In"       ? Operator::kIn
           : op == "NotIn"  ? Operator::kNotIn
           : op == "Exists" ? Operator::kExists
           : op == "Gt"     ? Operator::kGreater
           : op == "Lt"     ? Operator::kLess
                            : Operator::kNotExists;
  for (const Value& value : expression.At({"values"}).items()) {
    out.values.push_back(value.AsString());
  }
  std::sort(out.values.begin(), out.values.end());
  return out;
}

bool FieldFits(const Value& field, std::string_view name) {
  if (field.At({"key"}).AsString() != "metadata.name") return false;
  const std::vector<Value>& values = field.At({"values"}).items();
  const bool listed = std::any_of(values.begin(), values.end(),
                                  [&](const Value& value) { return value.AsString() == name; });
  return listed == (field.At({"operator"}).AsString() == "In");
}

Value Toleration(std::string_view key, std::string_view effect) {
  return Value::Object(
      {{"key", Value(key)}, {"operator", Value("Exists")}, {"effect", Value(effect)}});
}

// A node that is in trouble keeps its daemons: they may be what mends it.
std::vector<Value> OwnTolerations(bool host_network) {
  std::vector<Value> out = {
      Toleration("node.kubernetes.io/not-ready", "NoExecute"),
      Toleration("node.kubernetes.io/unreachable", "NoExecute"),
      Toleration("node.kubernetes.io/disk-pressure", "NoSchedule"),
      Toleration("node.kubernetes.io/memory-pressure", "NoSchedule"),
      Toleration("node.kubernetes.io/pid-pressure", "NoSchedule"),
      Toleration("node.kubernetes.io/unschedulable", "NoSchedule"),
  };
  if (host_network) {
    out.push_back(Toleration("node.kubernetes.io/network-unavailable", "NoSchedule"));
  }
  return out;
}

std::vector<Value> TolerationsOf(const Value& spec) {
  std::vector<Value> out = spec.At({"tolerations"}).items();
  for (Value& own : OwnTolerations(spec.At({"hostNetwork"}).AsBool())) {
    if (std::find(out.begin(), out.end(), own) == out.end()) out.push_back(std::move(own));
  }
  return out;
}

Value& Child(Value& object, std::string_view name) {
  if (Value* found = object.Find(name); found != nullptr && found->IsObject()) return *found;
  return object.Set(name, Value::Object());
}

// In place of the terms there were: they have been looked at.
void BindTo(Value& spec, const std::string& node) {
  Value field;
  field.Set("key", Value("metadata.name"));
  field.Set("operator", Value("In"));
  field.Set("values", Value::Array({Value(node)}));
  Value term = Value::Object({{"matchFields", Value::Array({std::move(field)})}});
  Value& affinity = Child(Child(spec, "affinity"), "nodeAffinity");
  affinity.Set("requiredDuringSchedulingIgnoredDuringExecution",
               Value::Object({{"nodeSelectorTerms", Value::Array({std::move(term)})}}));
}

}  // namespace

Placement::Placement(const Value& pod_template) {
  const Value& spec = pod_template.At({"spec"});
  node_name_ = spec.At({"nodeName"}).AsString();
  selector_ = pods::SelectorOfLabels(spec.At({"nodeSelector"}));
  tolerations_ = TolerationsOf(spec);
  const Value& required =
      spec.At({"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"});
  if (required.IsNull()) return;
  terms_.emplace();
  for (const Value& term : required.At({"nodeSelectorTerms"}).items()) {
    std::vector<LabelRequirement> labels;
    for (const Value& expression : term.At({"matchExpressions"}).items()) {
      labels.push_back(ReadExpression(expression));
    }
    const std::vector<Value>& fields = term.At({"matchFields"}).items();
    // An empty one selects nothing.
    if (labels.empty() && fields.empty()) continue;
    terms_->push_back({LabelSelector(std::move(labels)), fields});
  }
}

bool Placement::Fits(const Node& node) const {
  if (!node_name_.empty() && node_name_ != node.name()) return false;
  if (!selector_.Matches(*node.object)) return false;
  if (!terms_) return true;
  return std::any_of(terms_->begin(), terms_->end(), [&](const Term& term) {
    return term.labels.Matches(*node.object) &&
           std::all_of(term.fields.begin(), term.fields.end(),
                       [&](const Value& field) { return FieldFits(field, node.name()); });
  });
}

bool Placement::Tolerates(const Value& taint) const {
  return std::any_of(tolerations_.begin(), tolerations_.end(), [&](const Value& toleration) {
    return controllers::eviction::Tolerates(toleration, taint);
  });
}

Placement::Verdict Placement::Of(const Node& node) const {
  if (!Fits(node)) return {};
  Verdict out{true, true};
  for (const Value& taint : node.taints) {
    if (Tolerates(taint)) continue;
    out.run = false;
    if (taint.At({"effect"}).AsString() == "NoExecute") out.stay = false;
  }
  return out;
}

Value MakePod(const Value& set, const std::string& node, const std::string& hash) {
  Value pod = pods::FromTemplate(set.At({"spec", "template"}), "apps/v1", "DaemonSet", set);
  Value& labels = Child(*pod.Find("metadata"), "labels");
  const std::string& generation =
      set.At({"metadata", "annotations", "deprecated.daemonset.template.generation"}).AsString();
  if (!generation.empty()) labels.Set(kGenerationLabel, Value(generation));
  labels.Set(kHashLabel, Value(hash));
  Value& spec = Child(pod, "spec");
  spec.Set("tolerations", Value::Array(TolerationsOf(spec)));
  BindTo(spec, node);
  return pod;
}

}  // namespace keelson::daemonset
