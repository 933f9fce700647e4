// SPDX-License-Identifier: Apache-2.0
#include "proxy/conntrack/outdated.h"

#include <netinet/in.h>

namespace keelson::proxy {

Outdated::Outdated(const std::vector<PortPlan>& ports) {
  for (const PortPlan& plan : ports) {
    if (plan.protocol != Protocol::kUdp) continue;
    Served served;
    for (const auto* set : {&plan.cluster, &plan.local})
      for (const Backend& one : *set) served.by.insert(one.address);
    by_address_[{plan.cluster_ip, plan.port}] = served;
    for (const auto* addresses : {&plan.external_ips, &plan.balancer_ips})
      for (const std::string& one : *addresses) by_address_[{one, plan.port}] = served;
    if (plan.node_port != 0) by_node_port_[plan.node_port] = served;
  }
}

bool Outdated::operator()(const netlink::Flow& flow) const {
  if (flow.protocol != IPPROTO_UDP) return false;
  if (const auto found = by_address_.find({flow.to, flow.to_port}); found != by_address_.end())
    return found->second.by.count(flow.answers_from) == 0;
  const auto found = by_node_port_.find(flow.to_port);
  // Somebody else's flow to the same port of another machine only passes through: it was never
  // translated.
  return found != by_node_port_.end() && !flow.Untranslated() &&
         found->second.by.count(flow.answers_from) == 0;
}

}  // namespace keelson::proxy
