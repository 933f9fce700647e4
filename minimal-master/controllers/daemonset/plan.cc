// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/plan.h"

#include <algorithm>
#include <tuple>

#include "minimal-master/controllers/daemonset/view.h"

namespace keelson::daemonset {
namespace {

using json::Value;
using pods::Phase;
using pods::PodPtr;

constexpr size_t kBurst = 250;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLongestWait = 900 * kSecond;

void Shorten(Plan& plan) {
  if (plan.create.size() > kBurst) plan.create.resize(kBurst);
  if (plan.remove.size() > kBurst) plan.remove.resize(kBurst);
}

// One that has ended is deleted; after a failure the node waits for its next.
void RemoveEnded(const Facts& facts, const std::string& node, const PodPtr& pod, Plan& plan) {
  const std::string name = std::string(pod->ns()) + "/" + std::string(pod->name());
  if (pod->phase == Phase::kSucceeded) {
    plan.events.push_back(
        {"Normal", "SucceededDaemonPod",
         "Found succeeded daemon pod " + name + " on node " + node + ", will try to delete it"});
    plan.remove.push_back(pod);
    return;
  }
  if (const auto found = facts.backoffs.find(node); found != facts.backoffs.end()) {
    const int64_t left = found->second.since + found->second.wait - facts.now;
    if (left > 0) {
      plan.again = std::min(plan.again.value_or(left), left);
      return;
    }
  }
  plan.failed.push_back(node);
  plan.events.push_back(
      {"Warning", "FailedDaemonPod",
       "Found failed daemon pod " + name + " on node " + node + ", will try to kill it"});
  plan.remove.push_back(pod);
}

// Of those that run on a node the oldest stays; while an update surges one of each template does.
void RemoveSurplus(const Facts& facts, const View& view, const std::vector<PodPtr>& running,
                   Plan& plan) {
  if (running.size() <= 1) return;
  if (view.surge() == 0) {
    plan.remove.insert(plan.remove.end(), running.begin() + 1, running.end());
    return;
  }
  PodPtr present;
  PodPtr old;
  for (const PodPtr& pod : running) {
    PodPtr& oldest = view.IsPresent(*pod) ? present : old;
    if (oldest) {
      plan.remove.push_back(pod);
    } else {
      oldest = pod;
    }
  }
  if (!present || !old) return;
  if (!old->ready || pods::IsAvailable(*present, view.min_ready(), facts.now)) {
    plan.remove.push_back(old);
  }
}

}  // namespace

Backoff Next(const Backoff& before, int64_t now) {
  const bool fresh = before.wait == 0 || now - before.since > 2 * kLongestWait;
  return {fresh ? kSecond : std::min(2 * before.wait, kLongestWait), now};
}

Plan PlanPresence(const Facts& facts) {
  const View view(facts);
  Plan plan;
  for (const View::Place& place : view.places()) {
    if (place.verdict.run && place.pods.empty()) plan.create.push_back(place.node);
    if (!place.verdict.stay) {
      for (const PodPtr& pod : place.pods) {
        if (!pod->being_deleted()) plan.remove.push_back(pod);
      }
      continue;
    }
    std::vector<PodPtr> running;
    bool all_go = place.verdict.run && view.surge() > 0 && !place.pods.empty();
    for (const PodPtr& pod : place.pods) {
      if (pod->being_deleted()) continue;
      all_go = false;
      if (pod->ended()) {
        RemoveEnded(facts, place.node, pod, plan);
      } else {
        running.push_back(pod);
      }
    }
    // Where two may be side by side none waits for the end of another.
    if (all_go) plan.create.push_back(place.node);
    RemoveSurplus(facts, view, running, plan);
  }
  // Bound to nodes that are no more: no scheduler will ever place them.
  for (const PodPtr& pod : view.lost()) {
    if (!pod->being_deleted()) plan.remove.push_back(pod);
  }
  Shorten(plan);
  return plan;
}

Plan PlanUpdate(const Facts& facts) {
  Plan plan;
  const View view(facts);
  if (!view.rolls()) return plan;
  const bool surges = view.surge() > 0;
  int64_t busy = 0;  // nodes that count against what may be unavailable, or beside each other
  std::vector<const View::Place*> must;
  std::vector<const View::Place*> may;
  for (const View::Place& place : view.places()) {
    if (!place.verdict.run && place.pods.empty()) continue;
    const View::Versions now = view.VersionsAt(place);
    const bool available =
        now.present && pods::IsAvailable(*now.present, view.min_ready(), facts.now);
    const bool old_available = now.old && pods::IsAvailable(*now.old, view.min_ready(), facts.now);
    if (surges && !place.verdict.run) continue;
    if (!now.clear) {
      ++busy;
    } else if (now.old && !now.present) {
      (old_available ? may : must).push_back(&place);
    } else if (!surges) {
      if (now.old || !available) ++busy;
    } else if (now.old && !available) {
      ++busy;
    } else if (now.old) {
      plan.remove.push_back(now.old);
    }
  }
  const int64_t limit = surges ? view.surge() : view.unavailable();
  const auto more =
      static_cast<size_t>(std::clamp<int64_t>(limit - busy, 0, static_cast<int64_t>(may.size())));
  must.insert(must.end(), may.begin(), may.begin() + static_cast<ptrdiff_t>(more));
  for (const View::Place* place : must) {
    if (surges) {
      plan.create.push_back(place->node);
    } else {
      plan.remove.push_back(view.VersionsAt(*place).old);
    }
  }
  Shorten(plan);
  return plan;
}

StatusPlan PlanStatus(const Facts& facts) {
  const View view(facts);
  int64_t wanted = 0, scheduled = 0, misplaced = 0, ready = 0, available = 0, updated = 0;
  for (const View::Place& place : view.places()) {
    if (!place.verdict.run) {
      misplaced += place.pods.empty() ? 0 : 1;
      continue;
    }
    ++wanted;
    if (place.pods.empty()) continue;
    ++scheduled;
    const pods::PodFacts& pod = *place.pods.front();
    if (pod.ready) ++ready;
    if (pods::IsAvailable(pod, view.min_ready(), facts.now)) ++available;
    if (view.IsPresent(pod)) ++updated;
  }
  StatusPlan out;
  if (view.min_ready() > 0 && ready != available) {
    const int64_t next = pods::NextAvailable(facts.pods, view.min_ready(), facts.now);
    out.again = next == 0 ? view.min_ready() * kSecond : next - facts.now;
  }
  const Value& old = facts.set.At({"status"});
  Value status = Value::Object();
  status.Set("currentNumberScheduled", Value(scheduled));
  status.Set("numberMisscheduled", Value(misplaced));
  status.Set("desiredNumberScheduled", Value(wanted));
  status.Set("numberReady", Value(ready));
  status.Set("observedGeneration", facts.set.At({"metadata", "generation"}));
  if (updated > 0) status.Set("updatedNumberScheduled", Value(updated));
  if (available > 0) status.Set("numberAvailable", Value(available));
  if (wanted > available) status.Set("numberUnavailable", Value(wanted - available));
  for (const std::string_view kept : {"collisionCount", "conditions"}) {
    if (!old.At({kept}).IsNull()) status.Set(kept, old.At({kept}));
  }
  if (status == old) return out;
  Value set = facts.set;
  set.Set("status", std::move(status));
  out.write =
      control::Update(control::ResourceNamed("apps", "daemonsets"), std::move(set), "status");
  return out;
}

std::set<std::string, std::less<>> HashesInUse(const std::vector<PodPtr>& pods) {
  std::set<std::string, std::less<>> out;
  for (const PodPtr& pod : pods) out.insert(std::string(pod->Label(kHashLabel)));
  return out;
}

}  // namespace keelson::daemonset
