// SPDX-License-Identifier: Apache-2.0
// Numbers that objects may give as a percentage (IntOrString). Pure, any thread.
#pragma once

#include <cstdint>

#include "lib/json/value.h"

namespace keelson::pods {

enum class Round { kDown, kUp };
// A number, or a percentage of `total`; nothing given: 0.
int64_t Scaled(const json::Value& value, int64_t total, Round round);

}  // namespace keelson::pods
