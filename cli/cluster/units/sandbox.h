// SPDX-License-Identifier: Apache-2.0
// What a unit may not do that its process never needs, as lines of [Service]; each with its reason
// in the .cc. Pure. Source: systemd.exec(5).
#pragma once

#include <string>

#include "cli/cluster/options.h"

namespace keelson::cluster {

std::string SandboxOf(const NodeOptions& node, const std::string& process);

}  // namespace keelson::cluster
