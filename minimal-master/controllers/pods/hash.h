// SPDX-License-Identifier: Apache-2.0
// What a template is called by in names and labels: of upstream's length and letters, the same for
// equal templates whatever the order of their members. Pure, any thread.
#pragma once

#include <string>

#include "lib/json/value.h"

namespace keelson::pods {

// `collisions`: how often the name was taken already; null: never.
std::string HashOf(const json::Value& value, const json::Value& collisions);

}  // namespace keelson::pods
