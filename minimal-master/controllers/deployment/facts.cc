// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/facts.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/facts.h"
#include "minimal-master/controllers/pods/hash.h"
#include "minimal-master/controllers/pods/scaled.h"

namespace keelson::deployment {
namespace {

using json::Value;

int64_t Sum(const std::vector<Set*>& sets, int64_t Set::* number) {
  int64_t sum = 0;
  for (const Set* set : sets) sum += set->*number;
  return sum;
}

// As it is without the hash.
Value Bare(const Value& pod_template) {
  Value out = pod_template;
  Value* metadata = out.Find("metadata");
  if (metadata == nullptr) return out;
  Value* labels = metadata->Find("labels");
  if (labels == nullptr) return out;
  labels->Erase(kHashLabel);
  if (labels->members().empty()) metadata->Erase("labels");
  return out;
}

}  // namespace

std::string Set::Annotation(std::string_view key) const {
  return object.At({"metadata", "annotations", key}).AsString();
}

Set ReadSet(Value object) {
  Set out;
  const Value& status = object.At({"status"});
  out.name = object.At({"metadata", "name"}).AsString();
  out.uid = object.At({"metadata", "uid"}).AsString();
  out.replicas = out.was = Wanted(object);
  out.actual = status.At({"replicas"}).AsInt();
  out.ready = status.At({"readyReplicas"}).AsInt();
  out.available = status.At({"availableReplicas"}).AsInt();
  if (status.At({"terminatingReplicas"}).IsInt()) {
    out.ending = status.At({"terminatingReplicas"}).AsInt();
  }
  out.generation = object.At({"metadata", "generation"}).AsInt();
  out.observed = status.At({"observedGeneration"}).AsInt();
  out.created = pods::ParseTime(object.At({"metadata", "creationTimestamp"}));
  out.being_deleted = control::IsBeingDeleted(object);
  out.object = std::move(object);
  return out;
}

int64_t Wanted(const Value& deployment) {
  const Value& replicas = deployment.At({"spec", "replicas"});
  return replicas.IsNull() ? 1 : replicas.AsInt();
}

bool IsRolling(const Value& deployment) {
  return deployment.At({"spec", "strategy", "type"}).AsString() != "Recreate";
}

std::optional<int64_t> ProgressDeadline(const Value& deployment) {
  const Value& seconds = deployment.At({"spec", "progressDeadlineSeconds"});
  if (!seconds.IsInt() || seconds.AsInt() == INT32_MAX) return std::nullopt;
  return seconds.AsInt();
}

Bounds BoundsOf(const Value& deployment) {
  if (!IsRolling(deployment)) return {};
  const int64_t wanted = Wanted(deployment);
  const Value& rolling = deployment.At({"spec", "strategy", "rollingUpdate"});
  Bounds out{pods::Scaled(rolling.At({"maxSurge"}), wanted, pods::Round::kUp),
             pods::Scaled(rolling.At({"maxUnavailable"}), wanted, pods::Round::kDown)};
  // Both may come to nothing by rounding: one step must be possible.
  if (out.surge == 0 && out.unavailable == 0) out.unavailable = 1;
  out.unavailable = std::min(out.unavailable, wanted);
  return out;
}

bool SameTemplate(const Value& a, const Value& b) { return Bare(a) == Bare(b); }

std::string HashOf(const Value& pod_template, const Value& collisions) {
  return pods::HashOf(Bare(pod_template), collisions);
}

int64_t SumReplicas(const std::vector<Set*>& sets) { return Sum(sets, &Set::replicas); }
int64_t SumActual(const std::vector<Set*>& sets) { return Sum(sets, &Set::actual); }
int64_t SumAvailable(const std::vector<Set*>& sets) { return Sum(sets, &Set::available); }

}  // namespace keelson::deployment
