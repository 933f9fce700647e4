// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/replicaset/plan.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/selector.h"

namespace keelson::replicaset {
namespace {

using json::Value;
using pods::PodPtr;

constexpr size_t kBurst = 500;

int64_t Wanted(const Value& object) {
  const Value& replicas = object.At({"spec", "replicas"});
  return replicas.IsNull() ? 1 : replicas.AsInt();
}

// A time in a status is in whole seconds.
Value FailureCondition(const Plan& plan, const Value& object, const std::string& message,
                       int64_t now) {
  const bool too_few = static_cast<int64_t>(plan.active.size()) < Wanted(object);
  return control::Condition("ReplicaFailure", too_few ? "FailedCreate" : "FailedDelete", message,
                            now);
}

}  // namespace

const Kind kReplicaSet{"apps/v1", "ReplicaSet", "apps", "replicasets", "replicaset-controller",
                       true};
const Kind kReplicationController{
    "v1", "ReplicationController", "", "replicationcontrollers", "replication-controller", false};

watch::selectors::LabelSelector SelectorOf(const Kind& kind, const Value& object) {
  const Value& selector = object.At({"spec", "selector"});
  return kind.is_set ? pods::SelectorOf(selector) : pods::SelectorOfLabels(selector);
}

Plan MakePlan(const Facts& facts) {
  Plan plan;
  const watch::selectors::LabelSelector selector = SelectorOf(facts.kind, facts.object);
  pods::Claims claims = pods::ClaimActive({facts.object, facts.kind.api_version, facts.kind.kind},
                                          selector, facts.owned, facts.orphans);
  plan.claims = std::move(claims.writes);
  plan.active = std::move(claims.mine);
  for (const PodPtr& pod : facts.owned) {
    if (pod->being_deleted() && !pod->ended() && selector.Matches(*pod->object)) ++plan.ending;
  }
  if (control::IsBeingDeleted(facts.object)) return plan;
  const auto has = static_cast<int64_t>(plan.active.size());
  const int64_t wanted = Wanted(facts.object);
  if (has < wanted) plan.create = std::min(kBurst, static_cast<size_t>(wanted - has));
  if (has > wanted) plan.remove = std::min(kBurst, static_cast<size_t>(has - wanted));
  return plan;
}

StatusPlan PlanStatus(const Facts& facts, const Plan& plan,
                      const std::optional<std::string>& failure, int64_t now) {
  const Value& object = facts.object;
  const Value& old = object.At({"status"});
  const int64_t min_ready = object.At({"spec", "minReadySeconds"}).AsInt();
  const watch::selectors::LabelSelector labels =
      pods::SelectorOfLabels(object.At({"spec", "template", "metadata", "labels"}));
  int64_t labeled = 0, ready = 0, available = 0;
  for (const PodPtr& pod : plan.active) {
    if (labels.Matches(*pod->object)) ++labeled;
    if (pod->ready) ++ready;
    if (pods::IsAvailable(*pod, min_ready, now)) ++available;
  }
  const auto replicas = static_cast<int64_t>(plan.active.size());
  StatusPlan out;
  if (min_ready > 0 && ready != available) {
    const int64_t next = pods::NextAvailable(plan.active, min_ready, now);
    out.again = next == 0 ? std::chrono::milliseconds(min_ready * 1'000)
                          : std::chrono::milliseconds((next - now) / 1'000'000 + 1);
  }
  std::vector<Value> conditions;
  bool has_failure = false;
  for (const Value& condition : old.At({"conditions"}).items()) {
    const bool is_failure = condition.At({"type"}).AsString() == "ReplicaFailure";
    if (is_failure && !failure) continue;
    has_failure |= is_failure;
    conditions.push_back(condition);
  }
  if (failure && !has_failure) conditions.push_back(FailureCondition(plan, object, *failure, now));
  const Value& generation = object.At({"metadata", "generation"});
  const Value& ending = old.At({"terminatingReplicas"});
  const bool same = old.At({"replicas"}).AsInt() == replicas &&
                    old.At({"fullyLabeledReplicas"}).AsInt() == labeled &&
                    old.At({"readyReplicas"}).AsInt() == ready &&
                    old.At({"availableReplicas"}).AsInt() == available &&
                    (!facts.kind.is_set ||
                     (ending.IsInt() && ending.AsInt() == static_cast<int64_t>(plan.ending))) &&
                    old.At({"observedGeneration"}).AsInt() == generation.AsInt() &&
                    old.At({"conditions"}).items() == conditions;
  if (same) return out;
  Value status;
  status.Set("replicas", Value(replicas));
  if (labeled > 0) status.Set("fullyLabeledReplicas", Value(labeled));
  if (ready > 0) status.Set("readyReplicas", Value(ready));
  if (available > 0) status.Set("availableReplicas", Value(available));
  if (facts.kind.is_set) {
    status.Set("terminatingReplicas", Value(static_cast<int64_t>(plan.ending)));
  }
  status.Set("observedGeneration", generation);
  if (!conditions.empty()) status.Set("conditions", Value::Array(std::move(conditions)));
  Value updated = object;
  updated.Set("status", std::move(status));
  out.write = control::Update(control::ResourceNamed(facts.kind.group, facts.kind.resource),
                              std::move(updated), "status");
  return out;
}

}  // namespace keelson::replicaset
