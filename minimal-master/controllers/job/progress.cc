// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/progress.h"

#include <algorithm>

#include "minimal-master/control/times.h"
#include "minimal-master/controllers/job/policies.h"

namespace keelson::job {
namespace {

using json::Value;

constexpr size_t kMostUncounted = 500;  // so that their uids take no more than 20 KB

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

Progress::Progress(const Facts& facts, const Tally& tally)
    : facts_(facts), tally_(tally), status_(ReadStatus(facts.spec.job)), ending_(tally.ending) {
  CountActive();
  if (tally.started != 0 && status_.start_time.IsNull()) {
    status_.start_time = Value(control::TimeText(tally.started));
  }
  DecideEnding();
  for (const Pod& pod : facts.pods) {
    if (pod.tracked) tracked_.insert(std::string(pod.uid()));
  }
  status_.has_uncounted = true;
  CountGone(tracked_);
  CollectEnded();
  BeginEnding();
  if (!(status_ == ReadStatus(facts.spec.job))) first_ = ToJson(status_);
}

void Progress::CountActive() {
  status_.active = 0;
  status_.ready = 0;
  status_.ending = 0;
  for (const Pod& pod : facts_.pods) {
    if (pod.active()) ++status_.active;
    if (pod.active() && pod.pod->ready) ++*status_.ready;
    if (pod.ending()) ++*status_.ending;
  }
}

void Progress::DecideEnding() {
  const Spec& spec = facts_.spec;
  if (ending_) {
    // Not before those that ran are on their way.
    if (status_.active > 0) ending_.reset();
    return;
  }
  const bool enough =
      spec.completions ? tally_.succeeded >= *spec.completions : tally_.succeeded > 0;
  if (enough && status_.active == 0) {
    ending_ = Ending{"SuccessCriteriaMet", "CompletionsReached",
                     "Reached expected number of succeeded pods"};
  } else if (!spec.being_deleted) {
    NoteSuspension();
  }
}

void Progress::NoteSuspension() {
  const bool suspended = facts_.spec.suspended;
  const Value* present = nullptr;
  for (const Value& condition : status_.conditions) {
    if (condition.At({"type"}).AsString() == "Suspended") present = &condition;
  }
  const bool was = present != nullptr && present->At({"status"}).AsString() == "True";
  if (was == suspended) return;
  const std::string reason = suspended ? "JobSuspended" : "JobResumed";
  const std::string message = suspended ? "Job suspended" : "Job resumed";
  SetCondition("Suspended", suspended ? "True" : "False", reason, message);
  events_.push_back({"Normal", suspended ? "Suspended" : "Resumed", message});
  if (!suspended) status_.start_time = Value(control::TimeText(facts_.now));
}

void Progress::SetCondition(const std::string& type, const std::string& value,
                            const std::string& reason, const std::string& message) {
  const Value now(control::TimeText(facts_.now));
  Value condition;
  condition.Set("type", Value(type));
  condition.Set("status", Value(value));
  condition.Set("lastProbeTime", now);
  condition.Set("lastTransitionTime", now);
  condition.Set("reason", Value(reason));
  condition.Set("message", Value(message));
  for (Value& present : status_.conditions) {
    if (present.At({"type"}).AsString() == type) {
      present = std::move(condition);
      return;
    }
  }
  status_.conditions.push_back(std::move(condition));
}

// Those that were let go are numbers now.
void Progress::CountGone(const std::set<std::string, std::less<>>& tracked) {
  const auto count = [&](std::vector<std::string>& uids, int64_t& number) {
    number += static_cast<int64_t>(
        std::erase_if(uids, [&](const std::string& uid) { return !tracked.contains(uid); }));
  };
  count(status_.uncounted_succeeded, status_.succeeded);
  count(status_.uncounted_failed, status_.failed);
}

bool Progress::IsLetGo(const Pod& pod) const {
  if (facts_.spec.being_deleted || ending_) return true;
  // It must tell the same to whoever decides the next time, if it ended only after the tally or its
  // job is about to end.
  if (tally_.ending || !tally_.ended.contains(pod.uid())) return false;
  if (pod.succeeded()) return true;
  if (!pod.failed) return false;
  if (!pod.index) return true;
  const auto last = tally_.last_failed.find(*pod.index);
  return last == tally_.last_failed.end() || last->second->uid() != pod.uid();
}

void Progress::Note(const Pod& pod, Indexes& succeeded) {
  const std::string uid(pod.uid());
  const bool indexed = facts_.spec.indexed;
  if (pod.succeeded() && !Contains(status_.uncounted_failed, uid)) {
    if (indexed) {
      if (pod.index) succeeded.Add(*pod.index);
    } else if (!Contains(status_.uncounted_succeeded, uid)) {
      status_.uncounted_succeeded.push_back(uid);
    }
    return;
  }
  // At the end whatever still runs has failed, unless it ends well.
  const bool failed = pod.failed || (ending_ && ending_->type != "SuccessCriteriaMet");
  if (!failed || Contains(status_.uncounted_failed, uid) || (indexed && !pod.index)) return;
  if (Judge(facts_.spec, pod).action == OnFailure::kIgnore) return;
  status_.uncounted_failed.push_back(uid);
}

void Progress::CollectEnded() {
  std::vector<const Pod*> pods;
  for (const Pod& pod : facts_.pods) {
    if (pod.tracked) pods.push_back(&pod);
  }
  std::stable_sort(pods.begin(), pods.end(), [](const Pod* a, const Pod* b) {
    return a->index.value_or(-1) < b->index.value_or(-1);
  });
  Indexes succeeded = tally_.counted;
  const int64_t before = succeeded.size();
  for (const Pod* pod : pods) {
    if (!IsLetGo(*pod)) continue;
    untrack_.push_back(pod->pod);
    Note(*pod, succeeded);
    if (static_cast<size_t>(succeeded.size() - before) + status_.uncounted_succeeded.size() +
            status_.uncounted_failed.size() >=
        kMostUncounted) {
      cut_short_ = true;
      break;
    }
  }
  if (!facts_.spec.indexed) return;
  status_.succeeded = succeeded.size();
  status_.completed_indexes = succeeded.size() == 0 ? Value() : Value(succeeded.Text());
  if (tally_.failed_indexes) status_.failed_indexes = Value(tally_.failed_indexes->Text());
}

// How it ends is written before any pod that tells of it is let go.
void Progress::BeginEnding() {
  if (!ending_) return;
  if (ending_->type == "FailureTarget") {
    SetCondition("FailureTarget", "True", ending_->reason, ending_->message);
    ending_->type = "Failed";
  } else if (ending_->type == "SuccessCriteriaMet") {
    const bool there = std::any_of(
        status_.conditions.begin(), status_.conditions.end(), [](const Value& condition) {
          return condition.At({"type"}).AsString() == "SuccessCriteriaMet";
        });
    if (!there) SetCondition("SuccessCriteriaMet", "True", ending_->reason, ending_->message);
    ending_->type = "Complete";
  }
}

void Progress::End() {
  if (!ending_ || cut_short_ || !status_.uncounted_succeeded.empty() ||
      !status_.uncounted_failed.empty() || status_.ending.value_or(0) > 0) {
    return;
  }
  SetCondition(ending_->type, "True", ending_->reason, ending_->message);
  if (ending_->type != "Complete") {
    events_.push_back({"Warning", ending_->reason, ending_->message});
    return;
  }
  status_.completion_time = Value(control::TimeText(facts_.now));
  const Spec& spec = facts_.spec;
  if (spec.completions && status_.succeeded > *spec.completions) {
    events_.push_back({"Warning", "TooManySucceededPods",
                       "Too many succeeded pods running after completion count reached"});
  }
  events_.push_back({"Normal", "Completed", "Job completed"});
}

Value Progress::LastStatus(const std::set<std::string, std::less<>>& untracked) {
  const Status before = status_;
  for (const std::string& uid : untracked) tracked_.erase(uid);
  CountGone(tracked_);
  End();
  return status_ == before ? Value() : ToJson(status_);
}

}  // namespace keelson::job
