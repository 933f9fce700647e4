// SPDX-License-Identifier: Apache-2.0
// A service's ports as one pod has them. Pure.
#pragma once

#include <optional>

#include "minimal-master/controllers/pods/facts.h"

namespace keelson::endpoints {

// Where `service_port` leads in the pod; nothing: the pod has no port of that name.
std::optional<int64_t> TargetPort(const json::Value& service_port, const pods::PodFacts& pod);

// All ports of the service that the pod has, in the service's order, as {name, port, protocol,
// appProtocol}; `slices`: as in an EndpointSlice, which always says a name.
json::Value PortsOf(const json::Value& service, const pods::PodFacts& pod, bool slices);

// What slices of one service have in common: the same for ports that are wanted and for those that
// are stored, whose members have another order.
std::string SliceGroup(std::string_view family, const json::Value& ports);

bool IsHeadless(const json::Value& service);
// "IPv4", "IPv6": the service's, or IPv4 for one that does not say.
std::vector<std::string> Families(const json::Value& service);
// Those of the pod's addresses that are of the family.
std::vector<std::string> AddressesOf(const pods::PodFacts& pod, std::string_view family);

}  // namespace keelson::endpoints
