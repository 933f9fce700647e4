// SPDX-License-Identifier: Apache-2.0
// `keelson-kubelet fsck`: observes, judges and, when asked to, mends. Blocks.
#pragma once

#include "kubelet/inventory/observe.h"
#include "lib/inventory/report.h"

namespace keelson::node_inventory {

inventory::Report Check(const Places& places, const inventory::Report& runtime, bool mend);

}  // namespace keelson::node_inventory
