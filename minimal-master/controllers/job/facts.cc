// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/facts.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "minimal-master/control/objects.h"

namespace keelson::job {
namespace {

using json::Value;

constexpr int64_t kSecond = 1'000'000'000;

// When its containers ended, if all have.
int64_t ContainersFinished(const Value& status) {
  int64_t latest = 0;
  const std::vector<Value>& containers = status.At({"containerStatuses"}).items();
  for (const Value& container : containers) {
    const int64_t at = pods::ParseTime(container.At({"state", "terminated", "finishedAt"}));
    if (at == 0) return 0;
    latest = std::max(latest, at);
  }
  return latest;
}

int64_t FinishTime(const pods::PodFacts& pod, const Value& status) {
  if (const int64_t at = ContainersFinished(status); at != 0) return at;
  const Value* ready = pods::FindCondition(status, "Ready");
  if (ready != nullptr && ready->At({"status"}).AsString() == "False") {
    const int64_t at = pods::ParseTime(ready->At({"lastTransitionTime"}));
    if (at != 0) return at;
  }
  if (pod.deletion != 0) return pod.deletion - pod.grace_seconds * kSecond;
  return pod.created;
}

int64_t CountOf(const Value& annotations, std::string_view key) {
  return std::max<int64_t>(0, base::ParseInt64(annotations.At({key}).AsString()).value_or(0));
}

}  // namespace

Spec::Spec(const Value& the_job)
    : job(the_job), failure_policy(the_job.At({"spec", "podFailurePolicy"})) {
  const Value& spec = job.At({"spec"});
  parallelism = pods::MaybeInt(spec.At({"parallelism"})).value_or(1);
  completions = pods::MaybeInt(spec.At({"completions"}));
  backoff_limit = pods::MaybeInt(spec.At({"backoffLimit"})).value_or(6);
  backoff_limit_per_index = pods::MaybeInt(spec.At({"backoffLimitPerIndex"}));
  max_failed_indexes = pods::MaybeInt(spec.At({"maxFailedIndexes"}));
  active_deadline_seconds = pods::MaybeInt(spec.At({"activeDeadlineSeconds"}));
  indexed = spec.At({"completionMode"}).AsString() == "Indexed" && completions;
  suspended = spec.At({"suspend"}).AsBool();
  being_deleted = control::IsBeingDeleted(job);
  only_failed_are_replaced = spec.At({"podReplacementPolicy"}).AsString() == "Failed";
  restarts_on_failure = spec.At({"template", "spec", "restartPolicy"}).AsString() == "OnFailure";
  created = pods::ParseTime(job.At({"metadata", "creationTimestamp"}));
}

Pod ReadPod(const Spec& spec, const pods::PodPtr& pod) {
  Pod out;
  out.pod = pod;
  out.tracked = pod->HasFinalizer(kFinalizer);
  if (spec.indexed) {
    const std::optional<int64_t> index = base::ParseInt64(pod->Label(kIndex));
    if (index && *index >= 0 && *index < *spec.completions) out.index = index;
  }
  out.failed = pod->phase == pods::Phase::kFailed ||
               (!spec.only_failed_are_replaced && pod->being_deleted() && !out.succeeded());
  if (!out.tracked || (!out.failed && !out.succeeded())) return out;
  Value value = control::Parse(*pod->object);
  out.finished = FinishTime(*pod, value.At({"status"}));
  const Value& annotations = value.At({"metadata", "annotations"});
  out.failures = CountOf(annotations, kFailureCount);
  out.ignored_failures = CountOf(annotations, kIgnoredCount);
  if (Value* status = value.Find("status"); out.failed && status != nullptr) {
    out.status = std::move(*status);
  }
  return out;
}

const Value* FinishedCondition(const Value& job) {
  for (const Value& condition : job.At({"status", "conditions"}).items()) {
    const std::string& type = condition.At({"type"}).AsString();
    if ((type == "Complete" || type == "Failed") && condition.At({"status"}).AsString() == "True") {
      return &condition;
    }
  }
  return nullptr;
}

bool IsFinished(const Value& job) { return FinishedCondition(job) != nullptr; }

int64_t BackOff(int64_t failures) {
  if (failures <= 0) return 0;
  constexpr int64_t kLongest = 600 * kSecond;
  int64_t wait = 10 * kSecond;
  for (int64_t i = 1; i < failures && wait < kLongest; ++i) wait *= 2;
  return std::min(wait, kLongest);
}

}  // namespace keelson::job
