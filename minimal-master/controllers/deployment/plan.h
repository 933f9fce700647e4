// SPDX-License-Identifier: Apache-2.0
// What a rollout does next: replica sets to make, to resize and to forget, and the Deployment's
// status after it. Pure, any thread. Source: observed behaviour of kube-controller-manager 1.35.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/deployment/facts.h"

namespace keelson::deployment {

// A write of a replica set, and what is told when it is done (empty: nothing).
struct Step {
  control::Write write;
  std::string message;  // of a Normal event ScalingReplicaSet
};

struct Plan {
  std::vector<Step> steps;  // in order; one that fails ends it
  std::optional<control::Write> status;
  std::optional<std::chrono::milliseconds> again;
};
Plan MakePlan(const Facts& facts, int64_t now);

// A set of this name is there already. Ours with our template: look again; else the status by which
// the next one gets another name.
std::optional<control::Write> AfterCollision(const json::Value& deployment,
                                             const json::Value& present);
// Why a new set could not be made, in the status; nothing: it has no progress to tell of.
std::optional<control::Write> AfterFailedCreate(const json::Value& deployment,
                                                const std::string& message, int64_t now);

}  // namespace keelson::deployment
