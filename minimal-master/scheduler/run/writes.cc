// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/writes.h"

#include "minimal-master/control/objects.h"

namespace keelson::scheduler::run {
namespace {

using json::Value;

const schema::Resource& Pods() {
  static const schema::Resource& pods = control::ResourceNamed("", "pods");
  return pods;
}

Value Condition(const Value& pod, const char* type, const char* status, std::string_view reason,
                std::string_view message, const std::string& time) {
  Value out;
  out.Set("type", Value(type));
  if (const int64_t generation = pod.At({"metadata", "generation"}).AsInt(); generation != 0)
    out.Set("observedGeneration", Value(generation));
  out.Set("status", Value(status));
  out.Set("lastTransitionTime", Value(time));
  out.Set("reason", Value(reason));
  out.Set("message", Value(message));
  return out;
}

bool SaysTheSame(const Value& a, const Value& b) {
  for (const char* const key : {"status", "reason", "message", "observedGeneration"}) {
    if (!(a.At({key}) == b.At({key}))) return false;
  }
  return true;
}

// The pod's conditions with this one in its place; nothing: it is there already. The time of the
// last change stays while the status does.
std::optional<Value> With(const Value& pod, Value condition) {
  std::vector<Value> all = pod.At({"status", "conditions"}).items();
  for (Value& old : all) {
    if (!(old.At({"type"}) == condition.At({"type"}))) continue;
    if (SaysTheSame(old, condition)) return std::nullopt;
    if (old.At({"status"}) == condition.At({"status"}) && old.At({"lastTransitionTime"}).IsString())
      condition.Set("lastTransitionTime", old.At({"lastTransitionTime"}));
    old = std::move(condition);
    return Value::Array(std::move(all));
  }
  all.push_back(std::move(condition));
  return Value::Array(std::move(all));
}

// Refused when the pod has changed since.
control::Write PatchStatus(const Value& pod, Value status) {
  Value patch;
  patch.Set("metadata",
            Value::Object({{"resourceVersion", pod.At({"metadata", "resourceVersion"})}}));
  patch.Set("status", std::move(status));
  return control::MergePatch(Pods(), pod.At({"metadata", "namespace"}).AsString(),
                             pod.At({"metadata", "name"}).AsString(), std::move(patch), "status");
}

bool IsWaiting(const Value& pod) {
  return pod.At({"spec", "nodeName"}).AsString().empty() && !control::IsBeingDeleted(pod);
}

}  // namespace

control::Write Bind(const Whose& pod, std::string_view node) {
  control::Write write;
  write.verb = control::Write::Verb::kCreate;
  write.resource = &Pods();
  write.subresource = "binding";
  write.ns = pod.ns;
  write.name = pod.name;
  Value& body = write.body;
  body.Set("apiVersion", Value("v1"));
  body.Set("kind", Value("Binding"));
  body.Set("metadata",
           Value::Object(
               {{"name", Value(pod.name)}, {"namespace", Value(pod.ns)}, {"uid", Value(pod.uid)}}));
  body.Set("target", Value::Object({{"kind", Value("Node")}, {"name", Value(node)}}));
  return write;
}

std::optional<control::Write> Refuse(const Value& pod, std::string_view reason,
                                     std::string_view message,
                                     const std::optional<std::string>& nomination,
                                     const std::string& time) {
  if (!IsWaiting(pod)) return std::nullopt;
  std::optional<Value> conditions =
      With(pod, Condition(pod, "PodScheduled", "False", reason, message, time));
  const bool nominates =
      nomination && *nomination != pod.At({"status", "nominatedNodeName"}).AsString();
  if (!conditions && !nominates) return std::nullopt;
  Value status = Value::Object();
  if (conditions) status.Set("conditions", *std::move(conditions));
  if (nominates)
    status.Set("nominatedNodeName", nomination->empty() ? Value() : Value(*nomination));
  return PatchStatus(pod, std::move(status));
}

std::optional<control::Write> ForgetNomination(const Value& pod) {
  if (!IsWaiting(pod) || pod.At({"status", "nominatedNodeName"}).AsString().empty())
    return std::nullopt;
  return PatchStatus(pod, Value::Object({{"nominatedNodeName", Value()}}));
}

std::optional<control::Write> MarkVictim(const Value& pod, const std::string& time) {
  if (control::IsBeingDeleted(pod)) return std::nullopt;
  std::optional<Value> conditions =
      With(pod, Condition(pod, "DisruptionTarget", "True", "PreemptionByScheduler",
                          std::string(kName) + ": preempting to accommodate a higher priority pod",
                          time));
  if (!conditions) return std::nullopt;
  return PatchStatus(pod, Value::Object({{"conditions", *std::move(conditions)}}));
}

control::Write DeleteVictim(const Whose& pod) {
  return control::Delete(Pods(), pod.ns, pod.name, pod.uid);
}

Value ReferenceTo(const Whose& pod) {
  Value out;
  out.Set("apiVersion", Value("v1"));
  out.Set("kind", Value("Pod"));
  out.Set("metadata",
          Value::Object(
              {{"name", Value(pod.name)}, {"namespace", Value(pod.ns)}, {"uid", Value(pod.uid)}}));
  return out;
}

}  // namespace keelson::scheduler::run
