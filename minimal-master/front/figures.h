// SPDX-License-Identifier: Apache-2.0
// Figures that are there already and are read when somebody asks for /metrics: what is stored, what
// watches and queues hold, the process itself. All references outlive `registry`'s last reading.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/meter/registry.h"
#include "minimal-master/api/answer.h"
#include "minimal-master/control/manager.h"
#include "minimal-master/store/store.h"
#include "minimal-master/watch/cache.h"

namespace keelson::front {

void AddStorage(meter::Registry& registry, store::Store& store, const watch::Cache& cache);
void AddQueues(meter::Registry& registry, std::function<std::vector<control::QueueStats>()> queues);
// `version` as clients are told it ("v1.35.4"), and the process.
void AddProgram(meter::Registry& registry, std::string_view version);

api::Answer MetricsPage(const meter::Registry& registry);

}  // namespace keelson::front
