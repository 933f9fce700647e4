// SPDX-License-Identifier: Apache-2.0
// How long a pod may stay on a node with taints that evict. Pure. Source: k8s.io/kubernetes,
// pkg/controller/tainteviction (1.35). Times are nanoseconds since the epoch.
#pragma once

#include <optional>
#include <vector>

#include "minimal-master/controllers/apply.h"

namespace keelson::controllers::eviction {

struct Facts {
  json::Value pod;
  std::vector<json::Value> taints;  // of its node, those that evict
  int64_t seen = 0;                 // since when they are known, for those that do not say it
};

bool Tolerates(const json::Value& toleration, const json::Value& taint);
// Those with the effect NoExecute.
std::vector<json::Value> EvictingTaints(const json::Value& node);
// When the pod must go; nothing: it may stay.
std::optional<int64_t> EvictionTime(const Facts& facts);
// The writes by which it goes.
std::vector<control::Write> PlanEviction(const json::Value& pod, int64_t now);

}  // namespace keelson::controllers::eviction
