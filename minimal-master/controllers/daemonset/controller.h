// SPDX-License-Identifier: Apache-2.0
// daemonset-controller, for the manager. What `tools` refers to outlives it.
#pragma once

#include <memory>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/pods/tools.h"

namespace keelson::daemonset {

std::unique_ptr<control::Controller> MakeController(const pods::Tools& tools);

}  // namespace keelson::daemonset
