// SPDX-License-Identifier: Apache-2.0
// Which tracked datagram flows go by a decision that no longer holds: to an endpoint that went, or
// to a service's address from before it had endpoints. Pure. Source: kube-proxy's H1.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/kernel/netlink/flows.h"
#include "proxy/plan/plan.h"

namespace keelson::proxy {

class Outdated {
 public:
  // Of services that changed; ports of TCP end by themselves and are left out.
  explicit Outdated(const std::vector<PortPlan>& ports);
  bool empty() const { return by_address_.empty() && by_node_port_.empty(); }
  bool operator()(const netlink::Flow& flow) const;

 private:
  struct Served {
    std::set<std::string> by;  // addresses
  };
  std::map<std::pair<std::string, uint16_t>, Served> by_address_;
  std::map<uint16_t, Served> by_node_port_;
};

}  // namespace keelson::proxy
