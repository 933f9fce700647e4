// SPDX-License-Identifier: Apache-2.0
// Port plans as chains and rules for iptables-restore, one family. Names, order, marks and comments
// are kube-proxy's, so that tools and network plugins find what they look for and either program
// can take over from the other. Pure text. Source: docs/adr/0009; iptables-extensions(8).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/plan/plan.h"

namespace keelson::proxy::iptables {

struct Options {
  Family family = Family::kIpv4;
  // Where pods have their addresses: others that come to a service's address are masqueraded.
  // Empty: nobody is.
  std::string cluster_cidr;
  bool masquerade_all = false;
  int masquerade_bit = 14;
  bool random_fully = true;  // of MASQUERADE, where the kernel and iptables know it
  bool drop_invalid = true;  // packets that conntrack calls INVALID, when forwarded
  std::vector<std::string> node_port_addresses;  // CIDRs; empty: every local address
};

// A service's own chains and its lines in the shared ones.
struct Piece {
  std::map<std::string, std::vector<std::string>> nat_chains;  // name → rules
  std::map<std::string, std::vector<std::string>> filter_chains;
  std::vector<std::string> nat_services;
  std::vector<std::string> nat_node_ports;
  std::vector<std::string> filter_services;
  std::vector<std::string> filter_external;
  std::vector<std::string> filter_node_ports;
  std::vector<std::string> filter_firewall;
  friend bool operator==(const Piece&, const Piece&) = default;
};
Piece MakePiece(const std::vector<PortPlan>& ports, uint16_t health_port, const Options& options);

// All services' pieces by "ns/name".
using Pieces = std::map<std::string, Piece>;

// Which parts of the pieces are to be written.
struct Delta {
  bool full = false;  // everything, the fixed rules too
  // Else: chains of services, by table, and whether the shared chains' lines are others than
  // before.
  std::set<std::string> nat_chains, filter_chains;
  bool nat_services = false, nat_node_ports = false;
  bool filter_services = false, filter_external = false, filter_node_ports = false,
       filter_firewall = false;
  // Chains that nothing planned names any more.
  std::set<std::string> stale_nat, stale_filter;
  bool empty() const;
};
// `applied`: of every service that may differ, what is in the kernel; an empty piece: nothing.
Delta Difference(const Pieces& applied, const Pieces& wanted);

// Input for `iptables-restore --noflush`, one commit a table; chains that it does not name stay as
// they are. "" when there is nothing to do.
std::string MakeRestore(const Pieces& wanted, const Delta& delta, const Options& options);

// The jumps from the built-in chains, to be there before anything else: {table, chain, rule}.
struct Jump {
  std::string table;
  std::string chain;
  std::vector<std::string> rule;
};
std::vector<Jump> Jumps();
// Chains of a table that must be there for the jumps.
std::vector<std::string> SharedChains(const std::string& table);

// Of chains named in `iptables-save` of a table, those that are a service's: KUBE-SVC- and so on.
std::set<std::string> ServiceChains(std::string_view saved);
bool HasCanary(std::string_view saved_mangle);

// "KUBE-SVC-" and 16 letters.
std::string ServiceChain(std::string_view prefix, const PortPlan& plan);
std::string EndpointChain(const PortPlan& plan, const Backend& backend);

}  // namespace keelson::proxy::iptables
