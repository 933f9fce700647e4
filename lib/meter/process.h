// SPDX-License-Identifier: Apache-2.0
// The process's own figures by Prometheus' names: process_cpu_seconds_total, memory, descriptors.
// Read from /proc whenever somebody asks. Source: proc(5).
#pragma once

#include "lib/meter/registry.h"

namespace keelson::meter {

void AddProcess(Registry& registry);

}  // namespace keelson::meter
