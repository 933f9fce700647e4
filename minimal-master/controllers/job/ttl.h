// SPDX-License-Identifier: Apache-2.0
// ttl-after-finished-controller: deletes Jobs some time after they ended, as they ask for. What
// `tools` refers to outlives it.
#pragma once

#include <memory>
#include <optional>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/pods/tools.h"

namespace keelson::job {

// When the job is to be deleted, in nanoseconds since the epoch; nothing: never, or not ended yet.
std::optional<int64_t> DeletionTime(const json::Value& job);
std::unique_ptr<control::Controller> MakeTtlController(const pods::Tools& tools);

}  // namespace keelson::job
