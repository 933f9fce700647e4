// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/writer.h"

#include "lib/base/log.h"
#include "lib/kernel/netlink/flows.h"
#include "proxy/conntrack/outdated.h"

namespace keelson::proxy::iptables {

base::Status IptablesWriter::Write(std::vector<ServicePlan> changed) {
  for (ServicePlan& service : changed) {
    unwritten_.insert(service.name);
    if (service.ports.empty())
      pieces_.erase(service.name);
    else
      pieces_[service.name] = MakePiece(service.ports, service.health_port, options_);
    for (PortPlan& port : service.ports)
      if (port.protocol == Protocol::kUdp) unflushed_.push_back(std::move(port));
  }
  RETURN_IF_ERROR(applier_.Sync(pieces_, unwritten_));
  unwritten_.clear();
  const Outdated outdated(unflushed_);
  unflushed_.clear();
  if (outdated.empty()) return base::Ok();
  // The rules are right in any case: what cannot be forgotten runs out by itself.
  const auto forgotten = netlink::ForgetFlows(options_.family == Family::kIpv6, outdated);
  if (!forgotten.ok())
    base::LogWarn("outdated datagram flows are left to run out", {{"error", forgotten.error()}});
  return base::Ok();
}

}  // namespace keelson::proxy::iptables
