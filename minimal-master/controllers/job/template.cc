// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/template.h"

#include <algorithm>

#include "minimal-master/controllers/pods/template.h"

namespace keelson::job {
namespace {

using json::Value;

constexpr std::string_view kVariable = "JOB_COMPLETION_INDEX";
constexpr size_t kLongestPrefix = 58;  // of generated names

Value& Child(Value& object, std::string_view name, Value otherwise) {
  if (Value* found = object.Find(name); found != nullptr && !found->IsNull()) return *found;
  return object.Set(name, std::move(otherwise));
}

void AddVariable(Value& container) {
  Value& variables = Child(container, "env", Value::Array());
  for (const Value& variable : variables.items()) {
    if (variable.At({"name"}).AsString() == kVariable) return;
  }
  Value field;
  field.Set("apiVersion", Value("v1"));
  field.Set("fieldPath", Value("metadata.labels['" + std::string(kIndex) + "']"));
  variables.Append(Value::Object({{"name", Value(kVariable)},
                                  {"valueFrom", Value::Object({{"fieldRef", std::move(field)}})}}));
}

void AddIndex(const Spec& spec, const Work::Creation& creation, Value& pod) {
  const std::string index = std::to_string(*creation.index);
  const std::string& name = spec.job.At({"metadata", "name"}).AsString();
  Value& metadata = *pod.Find("metadata");
  const std::string suffix = "-" + index + "-";
  metadata.Set("generateName", Value(name.substr(0, kLongestPrefix - suffix.size()) + suffix));
  Child(metadata, "labels", Value::Object()).Set(kIndex, Value(index));
  Value& annotations = Child(metadata, "annotations", Value::Object());
  annotations.Set(kIndex, Value(index));
  if (spec.backoff_limit_per_index) {
    annotations.Set(kFailureCount, Value(std::to_string(creation.failures)));
    if (creation.ignored_failures > 0) {
      annotations.Set(kIgnoredCount, Value(std::to_string(creation.ignored_failures)));
    }
  }
  Value& pod_spec = Child(pod, "spec", Value::Object());
  pod_spec.Set("hostname", Value(name + "-" + index));
  for (const std::string_view list : {"initContainers", "containers"}) {
    Value* containers = pod_spec.Find(list);
    if (containers == nullptr) continue;
    for (Value& container : containers->items()) AddVariable(container);
  }
}

}  // namespace

Value MakePod(const Spec& spec, const Work::Creation& creation) {
  Value pod = pods::FromTemplate(spec.job.At({"spec", "template"}), "batch/v1", "Job", spec.job);
  Value& finalizers = Child(*pod.Find("metadata"), "finalizers", Value::Array());
  const bool there =
      std::any_of(finalizers.items().begin(), finalizers.items().end(),
                  [](const Value& finalizer) { return finalizer.AsString() == kFinalizer; });
  if (!there) finalizers.Append(Value(kFinalizer));
  if (creation.index) AddIndex(spec, creation, pod);
  return pod;
}

control::Write Untrack(const pods::PodFacts& pod) {
  static const schema::Resource& kPods = control::ResourceNamed("", "pods");
  Value finalizers = Value::Array();
  for (const std::string& finalizer : pod.finalizers) {
    if (finalizer != kFinalizer) finalizers.Append(Value(finalizer));
  }
  Value metadata;
  metadata.Set("uid", Value(pod.uid()));
  metadata.Set("resourceVersion", Value(std::to_string(pod.object->revision())));
  metadata.Set("finalizers", finalizers.items().empty() ? Value() : std::move(finalizers));
  return control::MergePatch(kPods, pod.ns(), pod.name(),
                             Value::Object({{"metadata", std::move(metadata)}}));
}

}  // namespace keelson::job
