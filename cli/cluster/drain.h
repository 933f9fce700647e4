// SPDX-License-Identifier: Apache-2.0
// Taking a node out of its cluster: no new pods, those that are there evicted with their grace, the
// Node object gone. Blocking.
#pragma once

#include <optional>

#include "cli/cluster/options.h"
#include "cli/console.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::cluster {

// Whether a drain evicts the pod: not what the node itself brings, or what has ended. Pure.
bool IsToBeEvicted(const json::Value& pod);
// What a pod is given to end: its own time where that is not longer (nothing), else `most_seconds`;
// below 0: always its own. Pure.
std::optional<int64_t> GraceOf(const json::Value& pod, int most_seconds);
base::Status Drain(const NodeOptions& node, int grace_seconds, const base::Clock& clock,
                   const cli::Console& console);
base::Status DeleteNode(const NodeOptions& node, const cli::Console& console);

}  // namespace keelson::cluster
