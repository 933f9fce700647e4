// SPDX-License-Identifier: Apache-2.0
// Carries out what plan.h says, one thing after the other; what cannot be done is said with its
// reason in the item, and the rest goes on. The caller holds the daemon's lock unless the daemon
// lives. Blocks.
#pragma once

#include <vector>

#include "runtime/inventory/observe.h"
#include "runtime/inventory/plan.h"

namespace keelson::inventory {

struct Mender {
  Places places;
  std::string binary_dir;   // of the anchor
  std::string subnet;       // of the node's pods, as configured; empty: as it was told
  std::string pod_network;  // of all pods
};

void Mend(const Mender& mender, std::vector<Judged>& judged);

}  // namespace keelson::inventory
