// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/hpa/behavior.h"

#include <algorithm>
#include <cmath>

namespace keelson::hpa {
namespace {

using json::Value;

constexpr int64_t kDownWindow = 300;

int64_t ChangeWithin(const std::vector<History::Entry>& entries, int64_t period, int64_t now) {
  int64_t sum = 0;
  for (const History::Entry& entry : entries) {
    if (entry.seconds > now - period) sum += entry.value;
  }
  return sum;
}

int64_t LongestPeriod(const Value& rules) {
  int64_t longest = 0;
  for (const Value& policy : rules.At({"policies"}).items())
    longest = std::max(longest, policy.At({"periodSeconds"}).AsInt());
  return longest;
}

// What the policies let through, upwards or downwards.
int64_t PolicyLimit(const Bounds& bounds, const Value& rules, const History& history, bool up) {
  const std::string& select = rules.At({"selectPolicy"}).AsString();
  if (select == "Disabled") return bounds.current;
  const bool largest_change = select != "Min";
  bool any = false;
  int64_t limit = bounds.current;
  for (const Value& policy : rules.At({"policies"}).items()) {
    const int64_t period = policy.At({"periodSeconds"}).AsInt();
    const int64_t value = policy.At({"value"}).AsInt();
    const int64_t start = bounds.current - ChangeWithin(history.ups, period, bounds.now) +
                          ChangeWithin(history.downs, period, bounds.now);
    const int64_t signed_value = up ? value : -value;
    int64_t proposed = start + signed_value;
    if (policy.At({"type"}).AsString() == "Percent") {
      const double share =
          static_cast<double>(start) * (1 + static_cast<double>(signed_value) / 100);
      proposed = static_cast<int64_t>(up ? std::ceil(share) : share);
    }
    const bool takes_more = up == largest_change;
    limit = !any ? proposed : takes_more ? std::max(limit, proposed) : std::min(limit, proposed);
    any = true;
  }
  return limit;
}

int64_t Window(const Value& rules, int64_t otherwise) {
  const Value* window = rules.Find("stabilizationWindowSeconds");
  return window == nullptr || window->IsNull() ? otherwise : window->AsInt();
}

int64_t Stabilize(const Bounds& bounds, int64_t desired, const Value& behavior, History& history,
                  Allowed& out) {
  const int64_t up_window = Window(behavior.At({"scaleUp"}), 0);
  const int64_t down_window = Window(behavior.At({"scaleDown"}), kDownWindow);
  int64_t up = desired;
  int64_t down = desired;
  for (const History::Entry& entry : history.recommendations) {
    if (entry.seconds > bounds.now - up_window) up = std::min(up, entry.value);
    if (entry.seconds > bounds.now - down_window) down = std::max(down, entry.value);
  }
  const int64_t keep = std::max(up_window, down_window);
  std::erase_if(history.recommendations,
                [&](const History::Entry& entry) { return entry.seconds <= bounds.now - keep; });
  history.recommendations.push_back({bounds.now, desired});
  const int64_t stable = std::max(std::min(bounds.current, down), up);
  out.able_reason = "ReadyForNewScale";
  out.able_message = "recommended size matches current size";
  if (stable > desired) {
    out.able_reason = "ScaleDownStabilized";
    out.able_message =
        "recent recommendations were higher than current one, applying the highest recent "
        "recommendation";
  } else if (stable < desired) {
    out.able_reason = "ScaleUpStabilized";
    out.able_message =
        "recent recommendations were lower than current one, applying the lowest recent "
        "recommendation";
  }
  return stable;
}

}  // namespace

Allowed Allow(const Bounds& bounds, int64_t desired, const Value& behavior, History& history) {
  Allowed out;
  const int64_t stable = Stabilize(bounds, desired, behavior, history, out);
  out.replicas = stable;
  out.limit_reason = "DesiredWithinRange";
  out.limit_message = "the desired count is within the acceptable range";
  if (stable > bounds.current) {
    int64_t limit = behavior.IsNull()
                        ? std::max<int64_t>(2 * bounds.current, 4)
                        : PolicyLimit(bounds, behavior.At({"scaleUp"}), history, true);
    limit = std::max(limit, bounds.current);
    const bool by_rate = bounds.maximum > limit;
    const int64_t most = std::min(bounds.maximum, limit);
    if (stable > most) {
      out.replicas = most;
      out.limited = true;
      out.limit_reason = by_rate ? "ScaleUpLimit" : "TooManyReplicas";
      out.limit_message =
          by_rate ? "the desired replica count is increasing faster than the maximum scale rate"
                  : "the desired replica count is more than the maximum replica count";
    }
  } else if (stable < bounds.current) {
    int64_t limit =
        behavior.IsNull() ? 0 : PolicyLimit(bounds, behavior.At({"scaleDown"}), history, false);
    limit = std::min(limit, bounds.current);
    const bool by_rate = bounds.minimum < limit;
    const int64_t least = std::max(bounds.minimum, limit);
    if (stable < least) {
      out.replicas = least;
      out.limited = true;
      out.limit_reason = by_rate ? "ScaleDownLimit" : "TooFewReplicas";
      out.limit_message =
          by_rate ? "the desired replica count is decreasing faster than the maximum scale rate"
                  : "the desired replica count is less than the minimum replica count";
    }
  }
  return out;
}

void Remember(History& history, int64_t from, int64_t to, int64_t now, const Value& behavior) {
  std::vector<History::Entry>& entries = to > from ? history.ups : history.downs;
  const int64_t period =
      std::max(LongestPeriod(behavior.At({"scaleUp"})), LongestPeriod(behavior.At({"scaleDown"})));
  std::erase_if(entries,
                [&](const History::Entry& entry) { return entry.seconds <= now - period; });
  entries.push_back({now, to > from ? to - from : from - to});
}

}  // namespace keelson::hpa
