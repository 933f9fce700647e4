// SPDX-License-Identifier: Apache-2.0
// A runtime whose calls are counted: kubelet_runtime_operations_total, …_errors_total and
// …_duration_seconds by the names of upstream's kubelet, and of what these calls begin
// (kubelet_started_pods_total, kubelet_run_podsandbox_duration_seconds and so on). Any thread, as
// the runtime itself; the registry outlives it.
#pragma once

#include <memory>

#include "cri-api/client/runtime_client.h"
#include "lib/base/clock.h"
#include "lib/meter/registry.h"

namespace keelson::metrics {

std::unique_ptr<cri_client::RuntimeClient> Metered(
    std::unique_ptr<cri_client::RuntimeClient> runtime, meter::Registry& registry,
    const base::Clock& clock);

}  // namespace keelson::metrics
