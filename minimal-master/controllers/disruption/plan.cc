// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/disruption/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/control/times.h"
#include "minimal-master/controllers/pods/scaled.h"
#include "minimal-master/controllers/pods/selector.h"

namespace keelson::controllers::disruption {
namespace {

using json::Value;
using pods::PodPtr;

constexpr char kAllowed[] = "DisruptionAllowed";
constexpr char kTarget[] = "DisruptionTarget";
constexpr int64_t kPatienceNanos = std::chrono::nanoseconds(kPatience).count();

struct Count {
  int64_t expected = 0;
  int64_t desired = 0;
};

Count CountOf(const Facts& facts) {
  int64_t scale = 0;
  for (const auto& [uid, replicas] : facts.scales) scale += replicas;
  const Value& spec = facts.budget.At({"spec"});
  if (const Value& most = spec.At({"maxUnavailable"}); !most.IsNull())
    return {scale, std::max<int64_t>(scale - pods::Scaled(most, scale, pods::Round::kUp), 0)};
  const Value& least = spec.At({"minAvailable"});
  if (least.IsNull()) return {};
  if (least.IsInt()) return {static_cast<int64_t>(facts.pods.size()), least.AsInt()};
  return {scale, pods::Scaled(least, scale, pods::Round::kUp)};
}

// With the time of the one before where it says the same.
Value Conditions(const Value& before, bool allowed, const char* reason, const std::string& message,
                 int64_t generation, int64_t now) {
  Value made;
  made.Set("type", Value(kAllowed));
  made.Set("status", Value(allowed ? "True" : "False"));
  if (generation != 0) made.Set("observedGeneration", Value(generation));
  const Value* old = pods::FindCondition(before, kAllowed);
  const bool same = old != nullptr && old->At({"status"}) == made.At({"status"});
  made.Set("lastTransitionTime",
           same ? old->At({"lastTransitionTime"}) : Value(control::TimeText(now)));
  made.Set("reason", Value(reason));
  made.Set("message", Value(message));
  Value out = Value::Array();
  for (const Value& one : before.At({"conditions"}).items()) {
    if (one.At({"type"}).AsString() != kAllowed) out.Append(one);
  }
  out.Append(std::move(made));
  return out;
}

// Nothing may go while nobody knows; the rest stays as it was.
Value Failed(const Facts& facts) {
  const Value& before = facts.budget.At({"status"});
  Value status = before.IsObject() ? before : Value::Object();
  status.Set("disruptionsAllowed", Value(0));
  status.Set("conditions", Conditions(before, false, "SyncFailed", facts.unknown,
                                      before.At({"observedGeneration"}).AsInt(), facts.now));
  return status;
}

}  // namespace

std::optional<watch::selectors::LabelSelector> SelectorOf(const Value& budget) {
  const Value& selector = budget.At({"spec", "selector"});
  if (!selector.IsObject()) return std::nullopt;
  return pods::SelectorOf(selector);
}

bool CountsScales(const Value& budget) {
  const Value& spec = budget.At({"spec"});
  return !spec.At({"maxUnavailable"}).IsNull() || spec.At({"minAvailable"}).IsString();
}

Plan MakePlan(const Facts& facts) {
  Plan plan;
  const Value& before = facts.budget.At({"status"});
  if (facts.pods.empty())
    plan.events.push_back({nullptr, "Normal", "NoPods", "No matching pods found"});
  if (!facts.unknown.empty()) {
    plan.events.push_back(
        {nullptr, "Warning", "CalculateExpectedPodCountFailed",
         fmt::format("Failed to calculate the number of expected pods: {}", facts.unknown)});
    if (Value status = Failed(facts); !(status == before)) plan.status = std::move(status);
    return plan;
  }
  if (CountsScales(facts.budget) &&
      std::any_of(facts.pods.begin(), facts.pods.end(),
                  [](const PodPtr& pod) { return pod->owner_uid.empty(); }))
    plan.events.push_back(
        {nullptr, "Warning", "UnmanagedPods",
         fmt::format(
             "Pods selected by this PodDisruptionBudget (selector: {}) were found to be "
             "unmanaged. As a result, the status of the PDB cannot be calculated correctly, "
             "which may result in undefined behavior. To account for these pods please set "
             "\".spec.minAvailable\" field of the PDB to an integer value.",
             pods::SelectorOf(facts.budget.At({"spec", "selector"})).Format())});

  const Count count = CountOf(facts);
  int64_t healthy = 0;
  Value disrupted = Value::Object();
  std::optional<int64_t> forgotten;
  for (const PodPtr& pod : facts.pods) {
    if (pod->being_deleted()) continue;
    const std::string name(pod->name());
    if (const Value& when = before.At({"disruptedPods", name}); when.IsString()) {
      const int64_t until = pods::ParseTime(when) + kPatienceNanos;
      if (until >= facts.now) {
        disrupted.Set(name, when);
        forgotten = std::min(forgotten.value_or(until), until);
        continue;
      }
      plan.events.push_back(
          {pod, "Warning", "NotDeleted",
           fmt::format("Pod was expected by PDB {}/{} to be deleted but it wasn't",
                       facts.budget.At({"metadata", "namespace"}).AsString(),
                       facts.budget.At({"metadata", "name"}).AsString())});
    }
    if (pod->ready) ++healthy;
  }
  if (forgotten) plan.again = std::chrono::milliseconds((*forgotten - facts.now) / 1'000'000 + 1);

  // None where no pod is expected: the first of them must not find leave to go from before.
  const int64_t allowed = count.expected > 0 ? std::max<int64_t>(healthy - count.desired, 0) : 0;
  const int64_t generation = facts.budget.At({"metadata", "generation"}).AsInt();
  Value status;
  status.Set("observedGeneration", Value(generation));
  if (!disrupted.members().empty()) status.Set("disruptedPods", std::move(disrupted));
  status.Set("disruptionsAllowed", Value(allowed));
  status.Set("currentHealthy", Value(healthy));
  status.Set("desiredHealthy", Value(count.desired));
  status.Set("expectedPods", Value(count.expected));
  status.Set("conditions",
             Conditions(before, allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods",
                        "", generation, facts.now));
  if (!(status == before)) plan.status = std::move(status);
  return plan;
}

std::optional<int64_t> StaleAt(const Value& pod) {
  const Value& status = pod.At({"status"});
  const std::string& phase = status.At({"phase"}).AsString();
  const Value* target = pods::FindCondition(status, kTarget);
  // A kubelet may take as long as it likes.
  if (control::IsBeingDeleted(pod) || phase == "Succeeded" || phase == "Failed" ||
      target == nullptr || target->At({"status"}).AsString() != "True" ||
      target->At({"reason"}).AsString() == "TerminationByKubelet")
    return std::nullopt;
  return pods::ParseTime(target->At({"lastTransitionTime"})) + kPatienceNanos;
}

Value Reassured(const Value& pod, int64_t now) {
  Value conditions = Value::Array();
  for (const Value& one : pod.At({"status", "conditions"}).items()) {
    if (one.At({"type"}).AsString() != kTarget) {
      conditions.Append(one);
      continue;
    }
    Value calm;
    calm.Set("type", Value(kTarget));
    calm.Set("status", Value("False"));
    calm.Set("lastTransitionTime", Value(control::TimeText(now)));
    conditions.Append(std::move(calm));
  }
  Value out = pod;
  out.Find("status")->Set("conditions", std::move(conditions));
  return out;
}

}  // namespace keelson::controllers::disruption
