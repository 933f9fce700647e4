// SPDX-License-Identifier: Apache-2.0
// Pods that wait for a node, each in one place: active (the most important first, then who waited
// longest), backing off after a failure (20 ms, doubling to 10 s), unschedulable until something
// happens that may help or five minutes have passed, gated, or taken (a decision is made or carried
// out). Driven by the times it is given; not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/scheduler/model/pod.h"

namespace keelson::scheduler::queue {

enum class Place : uint8_t { kActive, kBackoff, kUnschedulable, kGated, kTaken };

struct Waiting {
  model::PodRef pod;
  Place place = Place::kActive;
  int attempts = 0;
  uint32_t why = 0;       // what was said the last time (decide::Why)
  base::SteadyTime came;  // when it was heard of first, or its gates went
};

class Queue {
 public:
  // A pod that waits, new or changed. One that changed so that its answer may be another is tried
  // again, after its back-off.
  void Put(const model::PodRef& pod, base::SteadyTime now);
  void Remove(const std::string& uid);
  // The next one; taken until one of the calls below. `attempts` counts this one.
  std::optional<Waiting> Take();
  // Each is nothing for a pod that went meanwhile.
  void Bound(const std::string& uid);                         // it needs nothing any more
  void Failed(const std::string& uid, base::SteadyTime now);  // not its fault: after a back-off
  // No node will do. `held`: what was begun for it (others make room) is under way: whatever
  // happens, it is not tried before Unhold().
  void Unschedulable(const std::string& uid, uint32_t why, base::SteadyTime now, bool held);
  void Unhold(const std::string& uid, base::SteadyTime now);

  // Something happened: those unschedulable ones that `helps` says yes to are tried again.
  using Helps = std::function<bool(const Waiting&)>;
  void Wake(const Helps& helps, base::SteadyTime now);
  // Whose back-off is over becomes active; who is unschedulable for five minutes is tried again.
  void Release(base::SteadyTime now);
  std::optional<base::SteadyTime> NextDue() const;

  const Waiting* Find(const std::string& uid) const;  // null: it does not wait
  void ForEach(const std::function<void(const Waiting&)>& each) const {
    for (const auto& [uid, entry] : all_) each(entry);
  }
  size_t Count(Place place) const { return counts_[static_cast<size_t>(place)]; }
  size_t size() const { return all_.size(); }

 private:
  struct Entry : Waiting {
    uint64_t turn = 0;      // of kActive: lower ones came earlier
    base::SteadyTime from;  // when the last attempt failed
    base::SteadyTime due;   // of kBackoff and kUnschedulable
    bool held = false;      // of kUnschedulable
    bool woken = false;     // of held ones
  };
  struct Order {
    int32_t priority;
    uint64_t turn;
    std::string_view uid;
    bool operator<(const Order& b) const {
      return priority != b.priority ? priority > b.priority : turn < b.turn;
    }
  };
  struct Due {
    base::SteadyTime at;
    std::string_view uid;
    auto operator<=>(const Due&) const = default;
  };

  Entry* FindTaken(const std::string& uid);
  void Enter(Entry& entry, Place place);
  void Leave(Entry& entry);
  void Retry(Entry& entry, base::SteadyTime now);

  std::unordered_map<std::string, Entry> all_;  // by uid; views below are of its keys
  std::set<Order> active_;
  std::set<Due> due_;
  std::set<std::string_view> unschedulable_;
  size_t counts_[5] = {};
  uint64_t turn_ = 0;
};

}  // namespace keelson::scheduler::queue
