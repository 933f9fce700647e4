// SPDX-License-Identifier: Apache-2.0
// What upstream's server lets through and says something about: fields that are going away, and
// what hardly anybody means. Pure, any thread. Source: the warnings.go files of
// k8s.io/kubernetes/pkg/api (1.35), recorded answers in tests/data/golden.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::validation {

// Sentences for the Warning header, in upstream's order. `group` is empty for core.
std::vector<std::string> WarningsOf(std::string_view group, std::string_view kind,
                                    const json::Value& object);

}  // namespace keelson::validation
