// SPDX-License-Identifier: Apache-2.0
// Which packets go where: from a service, its slices and what is known of this node to frontends
// and the endpoints each may lead to, for one address family. Pure; the same for every backend.
// Source: K7 to K17 of Kubernetes' service proxy (docs/adr/0009), KEP-1669, KEP-2433.
#pragma once

#include <string>
#include <vector>

#include "proxy/model/model.h"

namespace keelson::proxy {

enum class Family : uint8_t { kIpv4, kIpv6 };

struct NodeFacts {
  std::string name;
  std::string zone;  // topology.kubernetes.io/zone
  // Cluster addresses that the node itself answers on, as the API writes them.
  std::vector<std::string> held;
};

struct Backend {
  std::string address;
  uint16_t port = 0;
  bool local = false;
  // "10.0.0.1:80", "[fd00::1]:80"
  std::string Text() const;
  friend bool operator==(const Backend&, const Backend&) = default;
};

// One port of one service.
struct PortPlan {
  std::string id;  // "ns/name:port", "ns/name" where the port has no name
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  uint16_t node_port = 0;
  std::string cluster_ip;
  std::vector<std::string> external_ips;
  std::vector<std::string> balancer_ips;
  std::vector<std::string> source_ranges;
  uint32_t affinity_seconds = 0;
  bool internal_local = false;
  bool external_local = false;
  // Where packets go that may leave this node, and those that may not; sorted, no two the same.
  std::vector<Backend> cluster;
  std::vector<Backend> local;
  // There are none anywhere, for any policy: who asks is refused. Else an empty set means that
  // this node has none: packets are dropped, so that whoever sent them tries another node.
  bool nobody = true;

  bool HasExternal() const {
    return node_port != 0 || !external_ips.empty() || !balancer_ips.empty();
  }
  friend bool operator==(const PortPlan&, const PortPlan&) = default;
};

// Empty where the service has no address of the family, and where the node holds it: rules would
// lead packets away from who answers here.
std::vector<PortPlan> PlanService(const Service& service, const std::vector<const Slice*>& slices,
                                  const NodeFacts& node, Family family);

}  // namespace keelson::proxy
