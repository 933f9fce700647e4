// SPDX-License-Identifier: Apache-2.0
// The Endpoints object of one service, for clients that know no slices. Pure. Source: what
// upstream's endpoint-controller (1.35) does.
#pragma once

#include <optional>
#include <vector>

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::endpoints {

struct EndpointsFacts {
  json::Value service;  // null: there is none any more
  std::vector<pods::PodPtr> pods;
  std::optional<json::Value> endpoints;  // what is there now
};

std::vector<control::Write> PlanEndpoints(const EndpointsFacts& facts);

}  // namespace keelson::endpoints
