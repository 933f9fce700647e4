// SPDX-License-Identifier: Apache-2.0
// Pods, and jobs, whose pods they mark as their own.
#include <map>

#include "lib/kube/quantity.h"
#include "lib/kube/schema.h"
#include "minimal-master/strategy/kinds.h"

namespace keelson::strategy {
namespace {

using Amounts = std::map<std::string, kube::Quantity>;

// Processor and memory decide; an amount of zero is none, and so is one below it.
void AddTo(Amounts& sum, const Value& amounts) {
  for (const char* resource : {"cpu", "memory"}) {
    const base::Result<kube::Quantity> amount = kube::QuantityOf(amounts.At({resource}));
    if (amount.ok() && *amount > kube::Quantity()) sum[resource] = sum[resource] + *amount;
  }
}

bool LimitsBoth(const Value& limits) {
  Amounts some;
  AddTo(some, limits);
  return some.size() == 2;
}

// Fields of features that are not switched on (upstream's gate ContainerStopSignals).
void DropStopSignals(Value& spec) {
  for (const char* kind : {"containers", "initContainers", "ephemeralContainers"}) {
    Value* containers = spec.Find(kind);
    if (containers == nullptr || !containers->IsArray()) continue;
    for (Value& container : containers->items()) {
      Value* lifecycle = container.Find("lifecycle");
      if (lifecycle == nullptr || lifecycle->Find("stopSignal") == nullptr) continue;
      lifecycle->Erase("stopSignal");
      if (lifecycle->members().empty()) container.Erase("lifecycle");
    }
  }
}

}  // namespace

std::string_view QosClass(const Value& spec) {
  Amounts requests;
  Amounts limits;
  bool guaranteed = true;
  if (const Value& whole = spec.At({"resources"});
      !whole.At({"requests"}).members().empty() || !whole.At({"limits"}).members().empty()) {
    AddTo(requests, whole.At({"requests"}));
    AddTo(limits, whole.At({"limits"}));
    guaranteed = LimitsBoth(whole.At({"limits"}));
  } else {
    for (const char* kind : {"containers", "initContainers"}) {
      for (const Value& container : spec.At({kind}).items()) {
        AddTo(requests, container.At({"resources", "requests"}));
        AddTo(limits, container.At({"resources", "limits"}));
        guaranteed = guaranteed && LimitsBoth(container.At({"resources", "limits"}));
      }
    }
  }
  if (requests.empty() && limits.empty()) return "BestEffort";
  return guaranteed && requests == limits ? "Guaranteed" : "Burstable";
}

void CreatePod(Value& pod, std::string_view) {
  (void)Member(pod, "status");  // made before others are pointed to: a new member moves them
  Value& spec = Member(pod, "spec");
  DropStopSignals(spec);
  Value& status = Member(pod, "status");
  status.Set("phase", Value("Pending"));
  status.Set("qosClass", Value(QosClass(spec)));
  if (spec.At({"schedulingGates"}).items().empty()) return;
  Value gated;
  gated.Set("type", Value("PodScheduled"));
  gated.Set("status", Value("False"));
  gated.Set("reason", Value("SchedulingGated"));
  gated.Set("message", Value("Scheduling is blocked due to non-empty scheduling gates"));
  status.Set("conditions", Value::Array({std::move(gated)}));
}

void UpdatePod(Value& pod, const Value&) { DropStopSignals(Member(pod, "spec")); }

void CreateJob(Value& job, std::string_view) {
  Value& spec = Member(job, "spec");
  if (spec.At({"manualSelector"}).AsBool()) return;
  const std::string uid = job.At({"metadata", "uid"}).AsString();
  const std::string name = job.At({"metadata", "name"}).AsString();
  const std::pair<const char*, const std::string*> marks[] = {
      {"batch.kubernetes.io/controller-uid", &uid},
      {"batch.kubernetes.io/job-name", &name},
      {"controller-uid", &uid},
      {"job-name", &name}};
  Value& labels = Member(Member(Member(spec, "template"), "metadata"), "labels");
  for (const auto& [key, value] : marks) {
    if (labels.Find(key) == nullptr) labels.Set(key, Value(*value));
  }
  Value& selector = Member(Member(spec, "selector"), "matchLabels");
  if (selector.Find("batch.kubernetes.io/controller-uid") == nullptr)
    selector.Set("batch.kubernetes.io/controller-uid", Value(uid));
  const Value marked = job.At({"spec", "template", "metadata", "labels"});
  Value& own = Member(Member(job, "metadata"), "labels");
  if (own.members().empty()) own = marked;
}

}  // namespace keelson::strategy
