// SPDX-License-Identifier: Apache-2.0
// What a PodDisruptionBudget allows: of the pods it selects, how many are healthy, how many there
// should be, how many may go. Pure; times are nanoseconds since the epoch. Source:
// k8s.io/kubernetes, pkg/controller/disruption (1.35).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/controllers/pods/facts.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::controllers::disruption {

// An eviction that was counted and whose pod did not go is forgotten after this time, and so is
// what was said to a pod that would be disrupted.
constexpr std::chrono::minutes kPatience{2};

// Nothing: it selects nothing. An empty selector selects every pod of its namespace.
std::optional<watch::selectors::LabelSelector> SelectorOf(const json::Value& budget);

// Whether the owners of its pods are to be asked how many there should be: all but a minAvailable
// that is a number.
bool CountsScales(const json::Value& budget);

struct Facts {
  json::Value budget;
  std::vector<pods::PodPtr> pods;         // those that it selects
  std::map<std::string, int64_t> scales;  // where CountsScales: of each that owns some, by uid
  std::string unknown;                    // why the scale of one is not known; empty: all are
  int64_t now = 0;
};

struct Event {
  pods::PodPtr pod;  // whom it is about; null: the budget
  std::string type, reason, message;
};
struct Plan {
  std::optional<json::Value> status;               // nothing: it says so already
  std::optional<std::chrono::milliseconds> again;  // when a counted eviction is forgotten
  std::vector<Event> events;
};
Plan MakePlan(const Facts& facts);

// When the condition DisruptionTarget of a pod has been there for too long; nothing: it has none
// that will be.
std::optional<int64_t> StaleAt(const json::Value& pod);
// The pod without it.
json::Value Reassured(const json::Value& pod, int64_t now);

}  // namespace keelson::controllers::disruption
