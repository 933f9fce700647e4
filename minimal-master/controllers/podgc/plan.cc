// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/podgc/plan.h"

#include <algorithm>
#include <tuple>

#include "minimal-master/control/objects.h"

namespace keelson::controllers::podgc {
namespace {

using json::Value;

constexpr char kTarget[] = "DisruptionTarget";
constexpr char kOutOfService[] = "node.kubernetes.io/out-of-service";

Value Disrupted(const Value& conditions, int64_t now) {
  Value out = Value::Array();
  for (const Value& one : conditions.items()) {
    if (one.At({"type"}).AsString() != kTarget) out.Append(one);
  }
  out.Append(control::Condition(kTarget, "DeletionByPodGC", "PodGC: node no longer exists", now));
  return out;
}

}  // namespace

std::vector<pods::PodPtr> PlanExcess(std::vector<pods::PodPtr> ended, size_t threshold) {
  if (ended.size() <= threshold) return {};
  const auto rank = [](const pods::PodPtr& pod) {
    return std::tuple(pod->reason != "Evicted", pod->created, pod->ns(), pod->name());
  };
  std::sort(ended.begin(), ended.end(),
            [&](const pods::PodPtr& a, const pods::PodPtr& b) { return rank(a) < rank(b); });
  ended.resize(ended.size() - threshold);
  return ended;
}

bool IsOutOfService(const Value& node) {
  const Value* ready = pods::FindCondition(node.At({"status"}), "Ready");
  if (ready != nullptr && ready->At({"status"}).AsString() == "True") return false;
  const auto& taints = node.At({"spec", "taints"}).items();
  return std::any_of(taints.begin(), taints.end(), [](const Value& taint) {
    return taint.At({"key"}).AsString() == kOutOfService;
  });
}

std::vector<control::Write> PlanRemoval(const Value& pod, Reason reason, int64_t now) {
  const schema::Resource& resource = control::ResourceNamed("", "pods");
  std::vector<control::Write> writes;
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  const bool ended = phase == "Succeeded" || phase == "Failed";
  if (ended && control::IsBeingDeleted(pod) &&
      pod.At({"metadata", "deletionGracePeriodSeconds"}).AsInt() == 0 &&
      !pod.At({"metadata", "finalizers"}).items().empty())
    return {};
  if (!ended) {
    Value changed = pod;
    Value status = changed.At({"status"}).IsObject() ? changed.At({"status"}) : Value::Object();
    status.Set("phase", Value("Failed"));
    if (reason == Reason::kOrphaned)
      status.Set("conditions", Disrupted(status.At({"conditions"}), now));
    changed.Set("status", std::move(status));
    writes.push_back(control::Update(resource, std::move(changed), "status"));
  }
  writes.push_back(control::Delete(resource, pod.At({"metadata", "namespace"}).AsString(),
                                   pod.At({"metadata", "name"}).AsString(),
                                   pod.At({"metadata", "uid"}).AsString()));
  writes.back().body.Set("gracePeriodSeconds", Value(0));
  return writes;
}

}  // namespace keelson::controllers::podgc
