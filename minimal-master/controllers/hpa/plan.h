// SPDX-License-Identifier: Apache-2.0
// One look at one autoscaler: the replicas its target shall have, and what its status says. Pure;
// words are upstream's (podautoscaler, 1.35), since people search for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/hpa/behavior.h"
#include "minimal-master/controllers/hpa/replicas.h"

namespace keelson::hpa {

struct Facts {
  json::Value autoscaler;            // autoscaling/v2
  std::optional<json::Value> scale;  // of its target
  std::string no_scale;              // why there is none
  std::vector<json::Value> pods;     // that the scale's selector selects
  Timing timing;
};

struct Event {
  std::string type, reason, message;
};

struct Plan {
  std::optional<int64_t> replicas;  // the target's, when they shall change
  std::string why;                  // they change
  json::Value status;               // as it is if that is not to be done, or when it is done
  std::vector<Event> events;
};

Plan MakePlan(const Facts& facts, const Usage& usage, History& history);

// The status after the change was made, or failed with `error`.
void AfterScaling(Plan& plan, const std::string& error, int64_t now);

// {type, status, reason, message} into a list of conditions; lastTransitionTime moves when the
// status does.
void SetCondition(json::Value& conditions, std::string_view type, bool is, std::string_view reason,
                  std::string_view message, int64_t now);

}  // namespace keelson::hpa
