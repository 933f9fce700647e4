// SPDX-License-Identifier: Apache-2.0
// What /healthz, /livez and /readyz ask of this program, by the names of upstream's own checks.
// The references outlive the checks, which are called by many threads at once.
#pragma once

#include <atomic>
#include <vector>

#include "minimal-master/health/health.h"
#include "minimal-master/store/store.h"
#include "minimal-master/watch/cache.h"

namespace keelson::program {

std::vector<health::Check> ChecksOf(store::Store& store, const watch::Cache& cache,
                                    const std::atomic<bool>& stopping);

}  // namespace keelson::program
