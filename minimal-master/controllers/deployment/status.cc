// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/status.h"

#include <algorithm>

#include "minimal-master/control/times.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::deployment {
namespace {

using json::Value;

constexpr int64_t kSecond = 1'000'000'000;

// The one failure that is shown: the new set's before an old one's.
const Value* FindFailure(const std::vector<Set*>& all, const Set* new_set) {
  if (new_set != nullptr) {
    const Value* failure = pods::FindCondition(new_set->object.At({"status"}), "ReplicaFailure");
    if (failure != nullptr) return failure;
  }
  for (const Set* set : all) {
    const Value* failure = pods::FindCondition(set->object.At({"status"}), "ReplicaFailure");
    if (failure != nullptr) return failure;
  }
  return nullptr;
}

bool Progressed(const Status& before, const Status& now) {
  return now.updated > before.updated ||
         now.replicas - now.updated < before.replicas - before.updated ||
         now.ready > before.ready || now.available > before.available;
}

bool TimedOut(const Status& status, int64_t deadline, int64_t now) {
  const Value* progressing = Find(status, "Progressing");
  if (progressing == nullptr) return false;
  const std::string& reason = progressing->At({"reason"}).AsString();
  if (reason == "NewReplicaSetAvailable") return false;
  if (reason == "ProgressDeadlineExceeded") return true;
  return pods::ParseTime(progressing->At({"lastUpdateTime"})) + deadline * kSecond < now;
}

}  // namespace

Status ReadStatus(const Value& deployment) {
  const Value& status = deployment.At({"status"});
  Status out;
  out.observed = status.At({"observedGeneration"}).AsInt();
  out.replicas = status.At({"replicas"}).AsInt();
  out.updated = status.At({"updatedReplicas"}).AsInt();
  out.ready = status.At({"readyReplicas"}).AsInt();
  out.available = status.At({"availableReplicas"}).AsInt();
  out.unavailable = status.At({"unavailableReplicas"}).AsInt();
  out.ending = pods::MaybeInt(status.At({"terminatingReplicas"}));
  out.collisions = pods::MaybeInt(status.At({"collisionCount"}));
  out.conditions = status.At({"conditions"}).items();
  return out;
}

Value ToJson(const Status& status) {
  Value out = Value::Object();
  const auto add = [&](std::string_view name, int64_t number) {
    if (number != 0) out.Set(name, Value(number));
  };
  add("observedGeneration", status.observed);
  add("replicas", status.replicas);
  add("updatedReplicas", status.updated);
  add("readyReplicas", status.ready);
  add("availableReplicas", status.available);
  add("unavailableReplicas", status.unavailable);
  if (status.ending) out.Set("terminatingReplicas", Value(*status.ending));
  if (!status.conditions.empty()) out.Set("conditions", Value::Array(status.conditions));
  if (status.collisions) out.Set("collisionCount", Value(*status.collisions));
  return out;
}

const Value* Find(const Status& status, std::string_view type) {
  for (const Value& condition : status.conditions) {
    if (condition.At({"type"}).AsString() == type) return &condition;
  }
  return nullptr;
}

std::string ReasonOf(const Status& status, std::string_view type) {
  const Value* condition = Find(status, type);
  return condition == nullptr ? std::string() : condition->At({"reason"}).AsString();
}

void Remove(Status& status, std::string_view type) {
  std::erase_if(status.conditions,
                [&](const Value& condition) { return condition.At({"type"}).AsString() == type; });
}

void SetCondition(Status& status, std::string_view type, std::string_view value,
                  std::string_view reason, std::string_view message, int64_t now) {
  const std::string time = control::TimeText(now);
  Value since(time);
  if (const Value* present = Find(status, type)) {
    const bool same = present->At({"status"}).AsString() == value;
    if (same && present->At({"reason"}).AsString() == reason) return;
    if (same) since = present->At({"lastTransitionTime"});
  }
  Remove(status, type);
  Value condition;
  condition.Set("type", Value(type));
  condition.Set("status", Value(value));
  condition.Set("lastUpdateTime", Value(time));
  condition.Set("lastTransitionTime", std::move(since));
  condition.Set("reason", Value(reason));
  condition.Set("message", Value(message));
  status.conditions.push_back(std::move(condition));
}

Status Count(const Value& deployment, const Status& before, const std::vector<Set*>& all,
             const Set* new_set, int64_t now) {
  Status out;
  out.observed = deployment.At({"metadata", "generation"}).AsInt();
  out.replicas = SumActual(all);
  out.updated = new_set == nullptr ? 0 : new_set->actual;
  for (const Set* set : all) out.ready += set->ready;
  out.available = SumAvailable(all);
  out.unavailable = std::max<int64_t>(0, SumReplicas(all) - out.available);
  out.collisions = before.collisions;
  out.conditions = before.conditions;
  out.ending = 0;
  for (const Set* set : all) {
    if (set->ending && out.ending) *out.ending += *set->ending;
    // Seen by its controller, and not counted by it.
    if (!set->ending && set->observed != 0) out.ending.reset();
  }
  if (out.available >= Wanted(deployment) - BoundsOf(deployment).unavailable) {
    SetCondition(out, "Available", "True", "MinimumReplicasAvailable",
                 "Deployment has minimum availability.", now);
  } else {
    SetCondition(out, "Available", "False", "MinimumReplicasUnavailable",
                 "Deployment does not have minimum availability.", now);
  }
  return out;
}

bool IsComplete(const Value& deployment, const Status& status) {
  const int64_t wanted = Wanted(deployment);
  return status.updated == wanted && status.replicas == wanted && status.available == wanted &&
         status.observed >= deployment.At({"metadata", "generation"}).AsInt();
}

void JudgeProgress(const Value& deployment, const Status& before, const std::vector<Set*>& all,
                   const Set* new_set, int64_t now, Status& status) {
  const std::optional<int64_t> deadline = ProgressDeadline(deployment);
  if (!deadline) Remove(status, "Progressing");
  const bool was_complete = status.replicas == status.updated &&
                            ReasonOf(before, "Progressing") == "NewReplicaSetAvailable";
  if (deadline && !was_complete) {
    const std::string what =
        new_set != nullptr
            ? "ReplicaSet \"" + new_set->name + "\""
            : "Deployment \"" + deployment.At({"metadata", "name"}).AsString() + "\"";
    if (IsComplete(deployment, status)) {
      SetCondition(status, "Progressing", "True", "NewReplicaSetAvailable",
                   what + " has successfully progressed.", now);
    } else if (Progressed(before, status)) {
      // Also with the same reason the time of the last progress is kept up.
      Value since;
      if (const Value* present = Find(status, "Progressing")) {
        if (present->At({"status"}).AsString() == "True") {
          since = present->At({"lastTransitionTime"});
        }
        Remove(status, "Progressing");
      }
      SetCondition(status, "Progressing", "True", "ReplicaSetUpdated", what + " is progressing.",
                   now);
      if (!since.IsNull()) status.conditions.back().Set("lastTransitionTime", std::move(since));
    } else if (TimedOut(status, *deadline, now)) {
      SetCondition(status, "Progressing", "False", "ProgressDeadlineExceeded",
                   what + " has timed out progressing.", now);
    }
  }
  const Value* failure = FindFailure(all, new_set);
  if (failure == nullptr) {
    Remove(status, "ReplicaFailure");
  } else {
    SetCondition(status, "ReplicaFailure", failure->At({"status"}).AsString(),
                 failure->At({"reason"}).AsString(), failure->At({"message"}).AsString(),
                 pods::ParseTime(failure->At({"lastTransitionTime"})));
  }
}

std::optional<int64_t> NextCheck(const Value& deployment, const Status& status, int64_t now) {
  const std::optional<int64_t> deadline = ProgressDeadline(deployment);
  const Value* progressing = Find(status, "Progressing");
  if (!deadline || progressing == nullptr || IsComplete(deployment, status)) return std::nullopt;
  if (progressing->At({"reason"}).AsString() == "ProgressDeadlineExceeded") return std::nullopt;
  const int64_t at =
      pods::ParseTime(progressing->At({"lastUpdateTime"})) + *deadline * kSecond - now;
  // A second more, so that it has passed by any clock.
  return std::max<int64_t>(0, at / 1'000'000) + 1'000;
}

}  // namespace keelson::deployment
