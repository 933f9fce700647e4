// SPDX-License-Identifier: Apache-2.0
// The controllers of ReplicaSets and of ReplicationControllers, for the manager. What `tools`
// refers to outlives them.
#pragma once

#include <memory>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/replicaset/plan.h"

namespace keelson::replicaset {

std::unique_ptr<control::Controller> MakeController(const Kind& kind, const pods::Tools& tools);

}  // namespace keelson::replicaset
