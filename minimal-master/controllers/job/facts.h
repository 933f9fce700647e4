// SPDX-License-Identifier: Apache-2.0
// A Job and its pods as its controller looks at them. Pure, any thread. Source: batch/v1 and
// observed behaviour of kube-controller-manager 1.35.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/pods/facts.h"

namespace keelson::job {

inline constexpr std::string_view kFinalizer = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view kIndex = "batch.kubernetes.io/job-completion-index";
inline constexpr std::string_view kFailureCount = "batch.kubernetes.io/job-index-failure-count";
inline constexpr std::string_view kIgnoredCount =
    "batch.kubernetes.io/job-index-ignored-failure-count";

// The spec, read once. What is not set and has a default was set by the server.
struct Spec {
  explicit Spec(const json::Value& job);
  const json::Value& job;
  int64_t parallelism = 1;
  std::optional<int64_t> completions;
  int64_t backoff_limit = 6;
  std::optional<int64_t> backoff_limit_per_index;
  std::optional<int64_t> max_failed_indexes;
  std::optional<int64_t> active_deadline_seconds;
  bool indexed = false;
  bool suspended = false;
  bool being_deleted = false;
  bool only_failed_are_replaced = false;  // not those that are still ending
  bool restarts_on_failure = false;       // by the kubelet, in the same pod
  const json::Value& failure_policy;      // podFailurePolicy
  int64_t created = 0;
};

struct Pod {
  pods::PodPtr pod;
  std::optional<int64_t> index;  // below the number of completions
  bool tracked = false;          // has the finalizer: not counted yet
  bool failed = false;
  // Of one that has ended or is being deleted.
  int64_t finished = 0;
  int64_t failures = 0;  // of its index before it
  int64_t ignored_failures = 0;
  json::Value status;  // when `failed`

  std::string_view uid() const { return pod->uid(); }
  bool active() const { return pod->active(); }
  bool succeeded() const { return pod->phase == pods::Phase::kSucceeded; }
  bool ending() const { return pod->being_deleted() && !pod->ended(); }
};
// Reads of the pod's JSON only what is not in its facts, and only when it matters.
Pod ReadPod(const Spec& spec, const pods::PodPtr& pod);

bool IsFinished(const json::Value& job);
// "Complete" or "Failed" when it is True, else null.
const json::Value* FinishedCondition(const json::Value& job);
// Waiting time after failures in a row: 10 s doubling to 10 min; 0 after none. Nanoseconds.
int64_t BackOff(int64_t failures);

}  // namespace keelson::job
