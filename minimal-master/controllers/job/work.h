// SPDX-License-Identifier: Apache-2.0
// How a Job stands, and which of its pods are made and which go. Pure, any thread. Source: observed
// behaviour of kube-controller-manager 1.35.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "minimal-master/controllers/job/facts.h"
#include "minimal-master/controllers/job/indexes.h"

namespace keelson::job {

// Failures in a row, and when the last one was; kept in memory, from one look to the next.
struct Backoff {
  int64_t failures = 0;
  int64_t last = 0;
};

struct Facts {
  const Spec& spec;
  std::vector<Pod> pods;  // its own, in any state
  Backoff backoff;
  int64_t now = 0;
};

// How it ends, or is about to.
struct Ending {
  std::string type;  // "SuccessCriteriaMet", "FailureTarget"; "Failed": FailureTarget is written
  std::string reason;
  std::string message;
};

struct Tally {
  std::set<std::string, std::less<>> uncounted_succeeded;  // uids, as the status has them
  std::set<std::string, std::less<>> uncounted_failed;
  std::set<std::string, std::less<>> ended;  // uids of those that are decided on by what they are
  int64_t succeeded = 0;
  int64_t failed = 0;
  int64_t started = 0;  // 0: not yet
  bool resumed = false;
  Indexes counted;            // succeeded by the status; of an indexed job, as all below
  Indexes succeeded_indexes;  // with those not counted yet
  std::optional<Indexes> failed_indexes;  // with a limit for each index
  // Failed pods whose index has no other one yet: they stay, for they know how often it failed.
  std::map<int64_t, const Pod*> last_failed;
  Backoff backoff;
  std::optional<Ending> ending;
};
Tally Count(const Facts& facts);

struct Work {
  std::vector<pods::PodPtr> remove;
  bool untrack_first = false;  // so that they do not count as failed
  struct Creation {
    std::optional<int64_t> index;
    int64_t failures = 0;  // of its index, with a limit for each index
    int64_t ignored_failures = 0;
  };
  std::vector<Creation> create;  // at most 500
  std::optional<int64_t> again;  // nanoseconds from now
};
// `tally` is of these facts.
Work PlanWork(const Facts& facts, const Tally& tally);

}  // namespace keelson::job
