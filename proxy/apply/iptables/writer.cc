// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/writer.h"

#include "lib/base/log.h"
#include "lib/kernel/netlink/flows.h"
#include "proxy/apply/iptables/blame.h"
#include "proxy/conntrack/outdated.h"

namespace keelson::proxy::iptables {

base::Status IptablesWriter::Write(std::vector<ServicePlan> changed) {
  for (ServicePlan& service : changed) {
    unwritten_.insert(service.name);
    refused_.erase(service.name);
    if (service.ports.empty())
      pieces_.erase(service.name);
    else
      pieces_[service.name] = MakePiece(service.ports, service.health_port, options_);
    for (PortPlan& port : service.ports)
      if (port.protocol == Protocol::kUdp) unflushed_.push_back(std::move(port));
  }
  RETURN_IF_ERROR(Sync());
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

base::Status IptablesWriter::Sync() {
  const base::Status done = applier_.Sync(pieces_, unwritten_);
  if (done.ok() || !LeaveOut()) return done;
  return applier_.Sync(pieces_, unwritten_);
}

bool IptablesWriter::LeaveOut() {
  const Trial trial = [this](const Pieces& pieces) {
    return TryElsewhere(flavour_, pieces, options_);
  };
  // Most likely it is one of those that are new.
  std::vector<std::string> names, others;
  for (const auto& [name, piece] : pieces_)
    (unwritten_.count(name) != 0 ? names : others).push_back(name);
  std::map<std::string, std::string> found = FindRefused(pieces_, names, trial);
  if (found.empty()) found = FindRefused(pieces_, others, trial);
  for (auto& [name, why] : found) {
    base::LogError("a service's rules are refused, it is left out and the others are applied",
                   {{"service", name}, {"error", why}});
    refused_[name] = {std::move(pieces_[name]), std::move(why)};
    pieces_.erase(name);
    unwritten_.insert(name);
  }
  return !found.empty();
}

base::Result<bool> IptablesWriter::Intact() {
  ASSIGN_OR_RETURN(const bool intact, applier_.Intact());
  if (intact) return true;
  // Everything is written anew: they get another chance.
  for (auto& [name, refusal] : refused_) {
    pieces_[name] = std::move(refusal.piece);
    unwritten_.insert(name);
  }
  refused_.clear();
  return false;
}

std::map<std::string, std::string> IptablesWriter::Refused() const {
  std::map<std::string, std::string> refused;
  for (const auto& [name, refusal] : refused_) refused[name] = refusal.why;
  return refused;
}

}  // namespace keelson::proxy::iptables
