// SPDX-License-Identifier: Apache-2.0
// A Job's status in the making, so that a pod counts exactly once whatever happens in between: pods
// that ended are first named in it (uncountedTerminatedPods), then let go, then counted. Pure, one
// thread, lives for one look at the job. Source: batch/v1 and observed behaviour of
// kube-controller-manager 1.35.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "minimal-master/controllers/job/work.h"

namespace keelson::job {

struct Status {
  std::vector<json::Value> conditions;
  json::Value start_time;
  json::Value completion_time;
  int64_t active = 0;
  int64_t succeeded = 0;
  int64_t failed = 0;
  std::optional<int64_t> ending;  // terminating
  json::Value completed_indexes;
  json::Value failed_indexes;
  bool has_uncounted = false;
  std::vector<std::string> uncounted_succeeded;
  std::vector<std::string> uncounted_failed;
  std::optional<int64_t> ready;
  bool operator==(const Status&) const = default;
};
Status ReadStatus(const json::Value& job);
json::Value ToJson(const Status& status);

struct Event {
  std::string type;
  std::string reason;
  std::string message;
  bool operator==(const Event&) const = default;
};

class Progress {
 public:
  // `tally`: from before the work was done; `facts`: from after it, both outlive it.
  Progress(const Facts& facts, const Tally& tally);

  // To be written before any pod is let go; null: nothing is new.
  json::Value first_status() const { return first_; }
  // Pods whose finalizer goes after that.
  const std::vector<pods::PodPtr>& untrack() const { return untrack_; }
  // When those of these uids were let go; null: nothing is new.
  json::Value LastStatus(const std::set<std::string, std::less<>>& untracked);
  // To be told when both are written.
  const std::vector<Event>& events() const { return events_; }
  // Not all could be looked at in one go.
  bool cut_short() const { return cut_short_; }

 private:
  void CountActive();
  void DecideEnding();
  void NoteSuspension();
  void SetCondition(const std::string& type, const std::string& value, const std::string& reason,
                    const std::string& message);
  void CountGone(const std::set<std::string, std::less<>>& tracked);
  void CollectEnded();
  bool IsLetGo(const Pod& pod) const;
  void Note(const Pod& pod, Indexes& succeeded);
  void BeginEnding();
  void End();

  const Facts& facts_;
  const Tally& tally_;
  Status status_;
  std::optional<Ending> ending_;
  std::vector<pods::PodPtr> untrack_;
  std::set<std::string, std::less<>> tracked_;  // uids
  json::Value first_;
  std::vector<Event> events_;
  bool cut_short_ = false;
};

}  // namespace keelson::job
