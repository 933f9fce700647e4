// SPDX-License-Identifier: Apache-2.0
// What upstream's server fills into an object that somebody sends: the fields that were left out,
// per version of a kind. Zero values that are always written belong to the schema, what only the
// server may set (status, generation, addresses) to the api. Pure, any thread. Source: the
// defaults.go of k8s.io/kubernetes/pkg/apis (1.35), recorded answers in tests/data/golden.
#pragma once

#include <string_view>

#include "lib/json/value.h"

namespace keelson::defaults {

// `group` is empty for core. Kinds that have no defaults stay as they are; so do values of a wrong
// type, which validation refuses.
void Apply(std::string_view group, std::string_view version, std::string_view kind,
           json::Value& object);

}  // namespace keelson::defaults
