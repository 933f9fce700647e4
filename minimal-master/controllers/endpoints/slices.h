// SPDX-License-Identifier: Apache-2.0
// The EndpointSlices of one service: what they must hold and the fewest writes that lead there.
// An endpoint stays in the slice it is in; at most 100 in one. Pure. Source: what
// k8s.io/endpointslice (1.35) does.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::endpoints {

inline constexpr std::string_view kSliceManager = "endpointslice-controller.k8s.io";
inline constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";
inline constexpr std::string_view kManagerLabel = "endpointslice.kubernetes.io/managed-by";
inline constexpr size_t kMostEndpoints = 100;

struct SliceFacts {
  json::Value service;
  std::vector<pods::PodPtr> pods;                         // that the service's selector selects
  std::vector<json::Value> slices;                        // the service's, made by us
  std::map<std::string, std::string, std::less<>> zones;  // of the nodes there are; may be ""
};

std::vector<control::Write> PlanSlices(const SliceFacts& facts);

// Labels of a slice for this service: its own, and ours.
json::Value SliceLabels(const json::Value& service, std::string_view manager);

// One group of endpoints with the same family and ports: the writes that make `existing` slices
// hold `wanted` (by what they are known by). `fresh` is a slice to be made, without endpoints.
// Shared with the mirroring of hand-written Endpoints.
// What an endpoint is known by from one look to the next.
std::string IdentityOf(const json::Value& endpoint);
using Wanted = std::map<std::string, json::Value>;
std::vector<control::Write> PlanGroup(Wanted wanted,
                                      const std::vector<const json::Value*>& existing,
                                      const json::Value& fresh);

}  // namespace keelson::endpoints
