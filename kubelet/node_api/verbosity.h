// SPDX-License-Identifier: Apache-2.0
// PUT /debug/flags/v: how much the kubelet logs, from then on, by klog's numbers. Source:
// k8s.io/component-base/logs.
#pragma once

#include <string>

#include "lib/base/log.h"
#include "lib/base/result.h"

namespace keelson::node_api {

// From 4 on ("debug level verbosity" in the field's conventions) all is said.
base::Result<base::LogLevel> LevelOf(const std::string& verbosity);

}  // namespace keelson::node_api
