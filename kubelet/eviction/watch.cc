// SPDX-License-Identifier: Apache-2.0
#include "kubelet/eviction/watch.h"

#include <algorithm>

namespace keelson::eviction {
namespace {

bool IsShort(const Threshold& threshold, const Observations& observations, bool with_reclaim) {
  const auto seen = observations.find(threshold.signal);
  if (seen == observations.end()) return false;
  int64_t least = threshold.least.Of(seen->second.capacity);
  if (with_reclaim && threshold.reclaim) {
    const int64_t more = threshold.reclaim->Of(seen->second.capacity);
    least = least > INT64_MAX - more ? INT64_MAX : least + more;
  }
  return seen->second.available < least;
}

}  // namespace

Verdict Judge(const Rules& rules, const Observations& observations, int64_t now, State& state) {
  Verdict verdict;
  for (size_t i = 0; i < rules.thresholds.size(); ++i) {
    const Threshold& threshold = rules.thresholds[i];
    if (!IsShort(threshold, observations, state.acted_upon.contains(i))) {
      state.short_since.erase(i);
      state.acted_upon.erase(i);
      continue;
    }
    const int64_t since = state.short_since.try_emplace(i, now).first->second;
    state.seen_at[ConditionOf(threshold.signal)] = now;
    if (now - since < threshold.grace.count()) continue;
    state.acted_upon.insert(i);
    verdict.shortages.push_back(threshold);
  }
  for (const auto& [condition, at] : state.seen_at) {
    if (now == at || now - at < rules.transition_period.count())
      verdict.conditions.insert(condition);
  }
  return verdict;
}

bool IsEnough(const Rules& rules, const Observations& observations) {
  return std::none_of(
      rules.thresholds.begin(), rules.thresholds.end(),
      [&](const Threshold& threshold) { return IsShort(threshold, observations, true); });
}

}  // namespace keelson::eviction
