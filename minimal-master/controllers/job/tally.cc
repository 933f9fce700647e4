// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "minimal-master/controllers/job/policies.h"
#include "minimal-master/controllers/job/work.h"

namespace keelson::job {
namespace {

using json::Value;

Ending Failure(std::string reason, std::string message) {
  return {"FailureTarget", std::move(reason), std::move(message)};
}

std::optional<Ending> EndingOf(const Value& status, std::string_view type, std::string_view as) {
  const Value* condition = pods::FindCondition(status, type);
  if (condition == nullptr || condition->At({"status"}).AsString() != "True") return std::nullopt;
  return Ending{std::string(as), condition->At({"reason"}).AsString(),
                condition->At({"message"}).AsString()};
}

// Those that count as ended and are not in the status: not even as known and uncounted.
struct News {
  std::vector<const Pod*> succeeded;
  std::vector<const Pod*> failed;
};
News FindNews(const Facts& facts, const Tally& tally) {
  News out;
  for (const Pod& pod : facts.pods) {
    if (!pod.tracked || (facts.spec.indexed && !pod.index)) continue;
    if (pod.succeeded() && !tally.uncounted_succeeded.contains(pod.uid())) {
      out.succeeded.push_back(&pod);
    }
    if (pod.failed && !tally.uncounted_failed.contains(pod.uid())) out.failed.push_back(&pod);
  }
  return out;
}

Backoff NextBackoff(Backoff before, const News& news) {
  int64_t success = 0;
  for (const Pod* pod : news.succeeded) success = std::max(success, pod->finished);
  if (!news.succeeded.empty()) before = {};
  for (const Pod* pod : news.failed) {
    if (!news.succeeded.empty() && pod->finished <= success) continue;
    ++before.failures;
    before.last = std::max(before.last, pod->finished);
  }
  return before;
}

bool RestartedTooOften(const Facts& facts) {
  if (!facts.spec.restarts_on_failure) return false;
  int64_t restarts = 0;
  for (const Pod& pod : facts.pods) {
    if (pod.pod->phase == pods::Phase::kRunning || pod.pod->phase == pods::Phase::kPending) {
      restarts += pod.pod->all_restarts;
    }
  }
  return facts.spec.backoff_limit == 0 ? restarts > 0 : restarts >= facts.spec.backoff_limit;
}

std::optional<Ending> EndOfFailures(const Facts& facts, const Tally& tally) {
  const Spec& spec = facts.spec;
  for (const Pod& pod : facts.pods) {
    if (!pod.tracked || !pod.failed) continue;
    Verdict verdict = Judge(spec, pod);
    if (verdict.action == OnFailure::kFailJob) {
      return Failure("PodFailurePolicy", std::move(verdict.message));
    }
  }
  if (tally.failed > spec.backoff_limit || RestartedTooOften(facts)) {
    return Failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (spec.active_deadline_seconds && !spec.suspended && tally.started != 0 &&
      facts.now - tally.started >= *spec.active_deadline_seconds * 1'000'000'000) {
    return Failure("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  return std::nullopt;
}

bool IsIndexFailed(const Spec& spec, const Pod& pod) {
  const OnFailure action = Judge(spec, pod).action;
  if (action == OnFailure::kFailIndex) return true;
  return action != OnFailure::kIgnore && pod.failures >= *spec.backoff_limit_per_index;
}

void CountFailedIndexes(const Facts& facts, Tally& tally) {
  const Spec& spec = facts.spec;
  Indexes failed =
      Indexes::Parse(spec.job.At({"status", "failedIndexes"}).AsString(), *spec.completions);
  std::set<int64_t> active;
  for (const Pod& pod : facts.pods) {
    if (!pod.index) continue;
    if (pod.active()) active.insert(*pod.index);
    if (pod.tracked && pod.failed && IsIndexFailed(spec, pod)) failed.Add(*pod.index);
  }
  for (const Pod& pod : facts.pods) {
    if (!pod.tracked || !pod.failed || !pod.index || active.contains(*pod.index) ||
        tally.succeeded_indexes.Has(*pod.index) || failed.Has(*pod.index)) {
      continue;
    }
    const Pod*& last = tally.last_failed[*pod.index];
    if (last == nullptr ||
        (last->failures + last->ignored_failures <= pod.failures + pod.ignored_failures &&
         last->finished <= pod.finished)) {
      last = &pod;
    }
  }
  tally.failed_indexes = std::move(failed);
}

void CountIndexes(const Facts& facts, Tally& tally) {
  const Spec& spec = facts.spec;
  tally.counted =
      Indexes::Parse(spec.job.At({"status", "completedIndexes"}).AsString(), *spec.completions);
  tally.succeeded_indexes = tally.counted;
  for (const Pod& pod : facts.pods) {
    if (pod.index && pod.tracked && pod.succeeded()) tally.succeeded_indexes.Add(*pod.index);
  }
  tally.succeeded = tally.succeeded_indexes.size();
  if (spec.backoff_limit_per_index) {
    CountFailedIndexes(facts, tally);
    const int64_t failed = tally.failed_indexes->size();
    if (tally.ending) return;
    if (spec.max_failed_indexes && failed > *spec.max_failed_indexes) {
      tally.ending = Failure("MaxFailedIndexesExceeded",
                             "Job has exceeded the specified maximal number of failed indexes");
    } else if (failed > 0 && failed + tally.succeeded >= *spec.completions) {
      tally.ending = Failure("FailedIndexes", "Job has failed indexes");
    }
  }
  if (tally.ending) return;
  if (const auto message = EnoughSucceeded(spec, tally.succeeded_indexes)) {
    tally.ending = Ending{"SuccessCriteriaMet", "SuccessPolicy", *message};
  }
}

}  // namespace

Tally Count(const Facts& facts) {
  const Spec& spec = facts.spec;
  const Value& status = spec.job.At({"status"});
  Tally tally;
  const Value& uncounted = status.At({"uncountedTerminatedPods"});
  for (const Value& uid : uncounted.At({"succeeded"}).items()) {
    tally.uncounted_succeeded.insert(uid.AsString());
  }
  for (const Value& uid : uncounted.At({"failed"}).items()) {
    tally.uncounted_failed.insert(uid.AsString());
  }
  for (const Pod& pod : facts.pods) {
    if (pod.succeeded() || pod.failed) tally.ended.insert(std::string(pod.uid()));
  }
  const News news = FindNews(facts, tally);
  tally.backoff = NextBackoff(facts.backoff, news);
  tally.succeeded = status.At({"succeeded"}).AsInt() +
                    static_cast<int64_t>(news.succeeded.size() + tally.uncounted_succeeded.size());
  tally.failed =
      status.At({"failed"}).AsInt() + static_cast<int64_t>(tally.uncounted_failed.size());
  for (const Pod* pod : news.failed) {
    if (Judge(spec, *pod).action != OnFailure::kIgnore) ++tally.failed;
  }
  tally.started = pods::ParseTime(status.At({"startTime"}));
  const Value* suspension = pods::FindCondition(status, "Suspended");
  tally.resumed =
      !spec.suspended && suspension != nullptr && suspension->At({"status"}).AsString() == "True";
  if (!spec.suspended && (tally.started == 0 || tally.resumed)) tally.started = facts.now;

  tally.ending = EndingOf(status, "SuccessCriteriaMet", "SuccessCriteriaMet");
  if (!tally.ending) tally.ending = EndingOf(status, "FailureTarget", "Failed");
  if (!tally.ending) tally.ending = EndOfFailures(facts, tally);
  if (spec.indexed) CountIndexes(facts, tally);
  return tally;
}

}  // namespace keelson::job
