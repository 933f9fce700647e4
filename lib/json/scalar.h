// SPDX-License-Identifier: Apache-2.0
// What a plain YAML scalar stands for, as Kubernetes' own reader has it: YAML 1.1 booleans (yes,
// no, on, off, y, n too), 0644 and 0o644 octal, 0x and 0b, digits parted by '_', whole floats as
// ints. Pure, any thread. Source: https://yaml.org/type/, https://yaml.org/spec/1.2.2/ (core
// schema).
#pragma once

#include <optional>
#include <string_view>

#include "lib/json/value.h"

namespace keelson::json {

// Nothing: a number that JSON cannot hold (.inf, .nan).
std::optional<Value> ResolvePlainScalar(std::string_view text);

}  // namespace keelson::json
