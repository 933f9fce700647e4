// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/eviction/plan.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/control/times.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::controllers::eviction {
namespace {

using json::Value;

constexpr int64_t kSecond = 1'000'000'000;
constexpr char kTarget[] = "DisruptionTarget";

// The pod cannot have been late before it was there.
int64_t PodTime(const Value& pod) {
  if (const Value* scheduled = pods::FindCondition(pod.At({"status"}), "PodScheduled");
      scheduled != nullptr && scheduled->At({"status"}).AsString() == "True") {
    if (const int64_t time = pods::ParseTime(scheduled->At({"lastTransitionTime"})); time != 0)
      return time;
  }
  return pods::ParseTime(pod.At({"metadata", "creationTimestamp"}));
}

Value TargetCondition(int64_t now) {
  return control::Condition(kTarget, "DeletionByTaintManager",
                            "Taint manager: deleting due to NoExecute taint", now);
}

}  // namespace

bool Tolerates(const Value& toleration, const Value& taint) {
  const std::string& effect = toleration.At({"effect"}).AsString();
  if (!effect.empty() && effect != taint.At({"effect"}).AsString()) return false;
  const std::string& key = toleration.At({"key"}).AsString();
  if (!key.empty() && key != taint.At({"key"}).AsString()) return false;
  if (toleration.At({"operator"}).AsString() == "Exists") return true;
  return toleration.At({"value"}).AsString() == taint.At({"value"}).AsString();
}

std::vector<Value> EvictingTaints(const Value& node) {
  std::vector<Value> out;
  for (const Value& taint : node.At({"spec", "taints"}).items()) {
    if (taint.At({"effect"}).AsString() == "NoExecute") out.push_back(taint);
  }
  return out;
}

std::optional<int64_t> EvictionTime(const Facts& facts) {
  std::optional<int64_t> earliest;
  const int64_t there = PodTime(facts.pod);
  const auto& tolerations = facts.pod.At({"spec", "tolerations"}).items();
  for (const Value& taint : facts.taints) {
    const auto used =
        std::find_if(tolerations.begin(), tolerations.end(),
                     [&](const Value& toleration) { return Tolerates(toleration, taint); });
    int64_t time = 0;
    if (used != tolerations.end()) {
      const Value& seconds = used->At({"tolerationSeconds"});
      if (!seconds.IsNumber()) continue;
      const int64_t since =
          control::ReadTime(taint.At({"timeAdded"}).AsString()).value_or(facts.seen);
      if (seconds.AsInt() > 0) time = std::max(since, there) + seconds.AsInt() * kSecond;
    }
    earliest = earliest ? std::min(*earliest, time) : time;
  }
  return earliest;
}

std::vector<control::Write> PlanEviction(const Value& pod, int64_t now) {
  const schema::Resource& resource = control::ResourceNamed("", "pods");
  std::vector<control::Write> writes;
  const Value* there = pods::FindCondition(pod.At({"status"}), kTarget);
  if (there == nullptr || there->At({"status"}).AsString() != "True") {
    Value conditions = Value::Array();
    for (const Value& one : pod.At({"status", "conditions"}).items()) {
      if (&one != there) conditions.Append(one);
    }
    conditions.Append(TargetCondition(now));
    Value changed = pod;
    Value status = changed.At({"status"}).IsObject() ? changed.At({"status"}) : Value::Object();
    status.Set("conditions", std::move(conditions));
    changed.Set("status", std::move(status));
    writes.push_back(control::Update(resource, std::move(changed), "status"));
  }
  writes.push_back(control::Delete(resource, pod.At({"metadata", "namespace"}).AsString(),
                                   pod.At({"metadata", "name"}).AsString(),
                                   pod.At({"metadata", "uid"}).AsString()));
  return writes;
}

}  // namespace keelson::controllers::eviction
