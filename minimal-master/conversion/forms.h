// SPDX-License-Identifier: Apache-2.0
// The two kinds. For this folder alone.
#pragma once

#include "lib/json/value.h"

namespace keelson::conversion {

using json::Value;

Value EventFromCore(Value event);
Value EventToCore(Value event);
Value AutoscalerFromV2(Value autoscaler);
Value AutoscalerToV2(Value autoscaler);

}  // namespace keelson::conversion
