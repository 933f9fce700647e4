// SPDX-License-Identifier: Apache-2.0
// What every cluster begins with: namespaces, priority classes, RBAC's roles and bindings, flow
// control (data/objects.json: facts, as upstream's server makes them). Pure, any thread.
#pragma once

#include <vector>

#include "lib/json/value.h"

namespace keelson::bootstrap {

// In an order in which they can be made: namespaces first.
std::vector<json::Value> Objects();

}  // namespace keelson::bootstrap
