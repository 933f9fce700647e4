// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/queue/queue.h"

#include <algorithm>

namespace keelson::scheduler::queue {
namespace {

// What wakes a pod is mostly what it waited for, a first node that is Ready say: it is not to wait
// another second. Who is woken in vain again and again comes to the longest time in ten attempts.
constexpr std::chrono::milliseconds kFirstBackoff{20};
constexpr std::chrono::seconds kLongestBackoff{10};
constexpr std::chrono::minutes kLongestWait{5};

std::chrono::nanoseconds BackoffAfter(int attempts) {
  std::chrono::nanoseconds time = kFirstBackoff;
  for (int i = 1; i < attempts && time < kLongestBackoff; ++i) time *= 2;
  return std::min<std::chrono::nanoseconds>(time, kLongestBackoff);
}

// Anything of the pod itself that could change the answer: its status is not among it.
bool MayDiffer(const model::Pod& a, const model::Pod& b) {
  return a.generation != b.generation || a.labels != b.labels || a.priority != b.priority;
}

}  // namespace

void Queue::Enter(Entry& entry, Place place) {
  entry.place = place;
  ++counts_[static_cast<size_t>(place)];
  const std::string& uid = all_.find(entry.pod->uid)->first;
  if (place == Place::kActive) active_.insert({entry.pod->priority, entry.turn, uid});
  if (place == Place::kBackoff || (place == Place::kUnschedulable && !entry.held))
    due_.insert({entry.due, uid});
  if (place == Place::kUnschedulable) unschedulable_.insert(uid);
}

void Queue::Leave(Entry& entry) {
  --counts_[static_cast<size_t>(entry.place)];
  const std::string& uid = entry.pod->uid;
  active_.erase({entry.pod->priority, entry.turn, uid});
  due_.erase({entry.due, uid});
  if (entry.place == Place::kUnschedulable) unschedulable_.erase(uid);
}

void Queue::Retry(Entry& entry, base::SteadyTime now) {
  Leave(entry);
  entry.turn = ++turn_;
  entry.due = entry.from + BackoffAfter(entry.attempts);
  const bool ready = entry.attempts == 0 || entry.due <= now;
  Enter(entry, ready ? Place::kActive : Place::kBackoff);
}

void Queue::Put(const model::PodRef& pod, base::SteadyTime now) {
  const auto [found, fresh] = all_.try_emplace(pod->uid);
  Entry& entry = found->second;
  if (fresh) {
    entry.pod = pod;
    entry.came = now;
    entry.turn = ++turn_;
    Enter(entry, pod->gated ? Place::kGated : Place::kActive);
    return;
  }
  const bool differs = MayDiffer(*entry.pod, *pod);
  const Place place = entry.place;
  Leave(entry);
  entry.pod = pod;
  if (place == Place::kGated && !pod->gated) {
    entry.came = now;
    entry.turn = ++turn_;
    Enter(entry, Place::kActive);
    return;
  }
  Enter(entry, place);
  if (place != Place::kUnschedulable || !differs) return;
  if (entry.held) {
    entry.woken = true;
  } else {
    Retry(entry, now);
  }
}

void Queue::Remove(const std::string& uid) {
  const auto found = all_.find(uid);
  if (found == all_.end()) return;
  Leave(found->second);
  all_.erase(found);
}

std::optional<Waiting> Queue::Take() {
  if (active_.empty()) return std::nullopt;
  Entry& entry = all_.find(std::string(active_.begin()->uid))->second;
  Leave(entry);
  Enter(entry, Place::kTaken);
  ++entry.attempts;
  return entry;
}

Queue::Entry* Queue::FindTaken(const std::string& uid) {
  const auto found = all_.find(uid);
  return found == all_.end() || found->second.place != Place::kTaken ? nullptr : &found->second;
}

void Queue::Bound(const std::string& uid) {
  if (FindTaken(uid) != nullptr) Remove(uid);
}

void Queue::Failed(const std::string& uid, base::SteadyTime now) {
  Entry* entry = FindTaken(uid);
  if (entry == nullptr) return;
  entry->from = now;
  Retry(*entry, now);
}

void Queue::Unschedulable(const std::string& uid, uint32_t why, base::SteadyTime now, bool held) {
  Entry* entry = FindTaken(uid);
  if (entry == nullptr) return;
  Leave(*entry);
  entry->why = why;
  entry->from = now;
  entry->due = now + kLongestWait;
  entry->held = held;
  entry->woken = false;
  Enter(*entry, Place::kUnschedulable);
}

void Queue::Unhold(const std::string& uid, base::SteadyTime now) {
  const auto found = all_.find(uid);
  if (found == all_.end() || !found->second.held) return;
  Entry& entry = found->second;
  Leave(entry);
  entry.held = false;
  Enter(entry, Place::kUnschedulable);
  if (entry.woken) Retry(entry, now);
}

void Queue::Wake(const Helps& helps, base::SteadyTime now) {
  std::vector<Entry*> woken;
  for (const std::string_view uid : unschedulable_) {
    Entry& entry = all_.find(std::string(uid))->second;
    if ((entry.held && entry.woken) || !helps(entry)) continue;
    if (entry.held) {
      entry.woken = true;
    } else {
      woken.push_back(&entry);
    }
  }
  // Those that waited longer stay before the others.
  std::sort(woken.begin(), woken.end(),
            [](const Entry* a, const Entry* b) { return a->turn < b->turn; });
  for (Entry* entry : woken) Retry(*entry, now);
}

void Queue::Release(base::SteadyTime now) {
  while (!due_.empty() && due_.begin()->at <= now)
    Retry(all_.find(std::string(due_.begin()->uid))->second, now);
}

std::optional<base::SteadyTime> Queue::NextDue() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->at;
}

const Waiting* Queue::Find(const std::string& uid) const {
  const auto found = all_.find(uid);
  return found == all_.end() ? nullptr : &found->second;
}

}  // namespace keelson::scheduler::queue
