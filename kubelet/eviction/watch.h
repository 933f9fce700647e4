// SPDX-License-Identifier: Apache-2.0
// From what is left of everything to what the node says of itself and which shortage is to be acted
// upon. Pure: what it has to remember is the caller's. Times are steady nanoseconds. A shortage
// counts when its grace is over, and lasts until `reclaim` more than the threshold is left; a
// condition is told at once, and taken back when it was not seen for the transition period, so that
// a node that goes back and forth is not filled again in between.
#pragma once

#include <map>
#include <set>

#include "kubelet/eviction/signals.h"

namespace keelson::eviction {

struct Observation {
  int64_t available = 0, capacity = 0;
};
// What is not known is not there, and is no shortage.
using Observations = std::map<Signal, Observation>;

struct Rules {
  std::vector<Threshold> thresholds;
  std::chrono::nanoseconds transition_period = std::chrono::minutes(5);
};
struct State {
  std::map<size_t, int64_t> short_since;  // by threshold
  std::set<size_t> acted_upon;            // of those, whose grace is over
  std::map<Condition, int64_t> seen_at;
};
struct Verdict {
  std::set<Condition> conditions;
  std::vector<Threshold> shortages;  // to be acted upon, the first one first
};
Verdict Judge(const Rules& rules, const Observations& observations, int64_t now, State& state);
// There is as much as must be for every threshold, what is to be reclaimed included.
bool IsEnough(const Rules& rules, const Observations& observations);

}  // namespace keelson::eviction
