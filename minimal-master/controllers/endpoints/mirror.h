// SPDX-License-Identifier: Apache-2.0
// Slices for Endpoints that people write by hand for services without a selector, so that proxies
// need look at slices only. Pure. Source: upstream's endpointslice-mirroring-controller (1.35).
#pragma once

#include <vector>

#include "minimal-master/control/write.h"

namespace keelson::endpoints {

inline constexpr std::string_view kMirrorManager = "endpointslicemirroring-controller.k8s.io";

// Null values: there is no such object. `slices`: those of that name that the mirror made.
std::vector<control::Write> PlanMirror(const json::Value& service, const json::Value& endpoints,
                                       const std::vector<json::Value>& slices);

}  // namespace keelson::endpoints
