// SPDX-License-Identifier: Apache-2.0
// The controllers of this folder, for the manager: endpointslice-controller, endpoints-controller
// and endpointslice-mirroring-controller. What
// they are made of outlives them.
#pragma once

#include <memory>
#include <vector>

#include "minimal-master/control/client.h"
#include "minimal-master/control/controller.h"
#include "minimal-master/watch/cache.h"

namespace keelson::endpoints {

std::vector<std::unique_ptr<control::Controller>> Controllers(const watch::Cache& cache,
                                                              control::Client& client);

}  // namespace keelson::endpoints
