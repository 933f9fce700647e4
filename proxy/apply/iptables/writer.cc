// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/writer.h"

#include <chrono>

#include "lib/base/log.h"
#include "lib/kernel/netlink/flows.h"
#include "proxy/apply/iptables/blame.h"
#include "proxy/conntrack/outdated.h"

namespace keelson::proxy::iptables {

base::Status IptablesWriter::Write(std::vector<ServicePlan> changed) {
  for (ServicePlan& service : changed) {
    refused_.erase(service.name);
    Piece old;
    if (const auto there = pieces_.find(service.name); there != pieces_.end()) {
      Count(there->second, -1);
      old = std::move(there->second);
      pieces_.erase(there);
    }
    unwritten_.try_emplace(service.name, std::move(old));
    if (!service.ports.empty()) {
      const Piece& piece = pieces_[service.name] =
          MakePiece(service.ports, service.health_port, options_);
      Count(piece, 1);
    }
    for (PortPlan& port : service.ports)
      if (port.protocol == Protocol::kUdp) unflushed_.push_back(std::move(port));
  }
  RETURN_IF_ERROR(Sync());
  unwritten_.clear();
  const Outdated outdated(unflushed_);
  unflushed_.clear();
  if (outdated.empty()) return base::Ok();
  // The rules are right in any case: what cannot be forgotten runs out by itself.
  const auto begun = std::chrono::steady_clock::now();
  const auto forgotten = netlink::ForgetFlows(options_.family == Family::kIpv6, outdated);
  flow_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  ++flow_looks_;
  if (forgotten.ok()) flows_forgotten_ += static_cast<uint64_t>(*forgotten);
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
    Count(pieces_[name], -1);
    refused_[name] = {std::move(pieces_[name]), std::move(why)};
    pieces_.erase(name);
  }
  return !found.empty();
}

base::Result<bool> IptablesWriter::Intact() {
  ASSIGN_OR_RETURN(const bool intact, applier_.Intact());
  if (intact) return true;
  // Everything is written anew: they get another chance.
  for (auto& [name, refusal] : refused_) {
    Count(refusal.piece, 1);
    pieces_[name] = std::move(refusal.piece);
    unwritten_.try_emplace(name);
  }
  refused_.clear();
  return false;
}

void IptablesWriter::Count(const Piece& piece, int64_t sign) {
  size_t nat = piece.nat_services.size() + piece.nat_node_ports.size();
  for (const auto& [chain, rules] : piece.nat_chains) nat += rules.size();
  size_t filter = piece.filter_services.size() + piece.filter_external.size() +
                  piece.filter_node_ports.size() + piece.filter_firewall.size();
  for (const auto& [chain, rules] : piece.filter_chains) filter += rules.size();
  nat_rules_ += sign * static_cast<int64_t>(nat);
  filter_rules_ += sign * static_cast<int64_t>(filter);
}

Figures IptablesWriter::figures() const {
  const Applier::Counts& counts = applier_.counts();
  Figures figures{.full = counts.full,
                  .partial = counts.partial,
                  .failures = counts.failures,
                  .partial_failures = counts.partial_failures,
                  .flow_looks = flow_looks_,
                  .flows_forgotten = flows_forgotten_,
                  .flow_seconds = flow_seconds_,
                  .rules = {},
                  .last_rules = counts.last_rules};
  figures.rules["nat"] = static_cast<uint64_t>(nat_rules_);
  figures.rules["filter"] = static_cast<uint64_t>(filter_rules_);
  return figures;
}

std::map<std::string, std::string> IptablesWriter::Refused() const {
  std::map<std::string, std::string> refused;
  for (const auto& [name, refusal] : refused_) refused[name] = refusal.why;
  return refused;
}

}  // namespace keelson::proxy::iptables
