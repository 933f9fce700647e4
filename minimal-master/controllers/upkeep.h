// SPDX-License-Identifier: Apache-2.0
// The controllers that keep the cluster itself in order, whatever runs in it: garbage, namespaces,
// nodes, certificates, accounts.
#pragma once

#include <memory>
#include <vector>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers {

std::vector<std::unique_ptr<control::Controller>> Upkeep(const Context& context,
                                                         const pods::Tools& tools);

}  // namespace keelson::controllers
