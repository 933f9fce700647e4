// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/work.h"

#include <algorithm>

#include "minimal-master/controllers/job/policies.h"
#include "minimal-master/controllers/pods/order.h"

namespace keelson::job {
namespace {

using pods::PodPtr;

constexpr size_t kMost = 500;  // of pods made or deleted in one go

void Wait(Work& work, int64_t nanos) {
  if (!work.again || *work.again > nanos) work.again = nanos;
}

// Beyond what the number of completions names, or one too many of an index.
void TakeDuplicates(std::vector<const Pod*>& active, std::vector<PodPtr>& out) {
  std::map<int64_t, std::vector<PodPtr>> by_index;
  std::vector<const Pod*> left;
  for (const Pod* pod : active) {
    if (pod->index) {
      by_index[*pod->index].push_back(pod->pod);
    } else {
      out.push_back(pod->pod);
    }
  }
  std::set<const pods::PodFacts*> stay;
  for (auto& [index, same] : by_index) {
    pods::SortForRemoval(same);
    stay.insert(same.back().get());
    out.insert(out.end(), same.begin(), same.end() - 1);
  }
  for (const Pod* pod : active) {
    if (stay.contains(pod->pod.get())) left.push_back(pod);
  }
  active = std::move(left);
}

std::vector<PodPtr> ChooseRemoved(const Spec& spec, std::vector<const Pod*> active,
                                  size_t at_least) {
  std::vector<PodPtr> out;
  if (spec.indexed) TakeDuplicates(active, out);
  if (out.size() >= at_least) return out;
  std::vector<PodPtr> rest;
  for (const Pod* pod : active) rest.push_back(pod->pod);
  pods::SortForRemoval(rest);
  const size_t more = std::min(rest.size(), at_least - out.size());
  out.insert(out.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(more));
  return out;
}

std::vector<int64_t> PendingIndexes(const Facts& facts, const Tally& tally, size_t count) {
  Indexes taken = tally.succeeded_indexes;
  if (tally.failed_indexes) taken.Add(*tally.failed_indexes);
  for (const Pod& pod : facts.pods) {
    if (!pod.index) continue;
    if (pod.active() || (facts.spec.only_failed_are_replaced && pod.ending())) {
      taken.Add(*pod.index);
    }
  }
  return taken.Missing(count, *facts.spec.completions);
}

// Each index waits for itself after a failure.
void CreateIndexes(const Facts& facts, const Tally& tally, size_t count, Work& work) {
  int64_t soonest = 0;
  for (const int64_t index : PendingIndexes(facts, tally, count)) {
    Work::Creation creation;
    creation.index = index;
    if (const auto found = tally.last_failed.find(index); found != tally.last_failed.end()) {
      const Pod& last = *found->second;
      const int64_t wait =
          last.finished + BackOff(last.failures + last.ignored_failures + 1) - facts.now;
      if (wait > 0) {
        soonest = soonest == 0 ? wait : std::min(soonest, wait);
        continue;
      }
      const bool ignored = Judge(facts.spec, last).action == OnFailure::kIgnore;
      creation.failures = last.failures + (ignored ? 0 : 1);
      creation.ignored_failures = last.ignored_failures + (ignored ? 1 : 0);
    }
    work.create.push_back(creation);
  }
  if (soonest > 0) Wait(work, soonest);
}

void CreateMissing(const Facts& facts, const Tally& tally, size_t missing, Work& work) {
  const Spec& spec = facts.spec;
  if (!spec.backoff_limit_per_index) {
    const int64_t wait = tally.backoff.last + BackOff(tally.backoff.failures) - facts.now;
    if (tally.backoff.failures > 0 && wait > 0) return Wait(work, wait);
  }
  missing = std::min(missing, kMost);
  if (spec.indexed) return CreateIndexes(facts, tally, missing, work);
  work.create.resize(missing);
}

}  // namespace

Work PlanWork(const Facts& facts, const Tally& tally) {
  const Spec& spec = facts.spec;
  Work work;
  std::vector<const Pod*> active;
  int64_t ending = 0;
  for (const Pod& pod : facts.pods) {
    if (pod.active()) active.push_back(&pod);
    if (pod.ending()) ++ending;
  }
  const auto has = static_cast<int64_t>(active.size());
  if (tally.ending) {
    for (const Pod* pod : active) work.remove.push_back(pod->pod);
    return work;
  }
  if (spec.active_deadline_seconds && !spec.suspended && tally.started != 0) {
    Wait(work, tally.started + *spec.active_deadline_seconds * 1'000'000'000 - facts.now);
  }
  if (spec.being_deleted) return work;
  int64_t wanted = 0;
  if (!spec.suspended) {
    if (spec.completions) {
      wanted = std::clamp<int64_t>(*spec.completions - tally.succeeded, 0, spec.parallelism);
    } else {
      // After a success all that run may finish, and no other begins.
      wanted = tally.succeeded > 0 ? has : spec.parallelism;
    }
  }
  work.remove =
      ChooseRemoved(spec, active, static_cast<size_t>(std::max<int64_t>(0, has - wanted)));
  if (!work.remove.empty()) {
    work.untrack_first = true;
    if (work.remove.size() > kMost) work.remove.resize(kMost);
    return work;
  }
  const int64_t missing = wanted - has - (spec.only_failed_are_replaced ? ending : 0);
  if (missing > 0) CreateMissing(facts, tally, static_cast<size_t>(missing), work);
  return work;
}

}  // namespace keelson::job
