// SPDX-License-Identifier: Apache-2.0
// What upstream's server refuses of an object that has its defaults, in its words: rules of single
// fields, of fields together, and of what may change. Pure, any thread. Source: the validation.go
// files of k8s.io/kubernetes/pkg/apis (1.35), recorded answers in tests/data/golden.
#pragma once

#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/problems.h"

namespace keelson::validation {

// `group` is empty for core. Empty: nothing is wrong.
std::vector<kube::Problem> OfCreate(std::string_view group, std::string_view kind,
                                    const json::Value& object);
// `subresource`: "", "status", or of pods "ephemeralcontainers" or "resize".
std::vector<kube::Problem> OfUpdate(std::string_view group, std::string_view kind,
                                    std::string_view subresource, const json::Value& object,
                                    const json::Value& old);

}  // namespace keelson::validation
