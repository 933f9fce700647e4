// SPDX-License-Identifier: Apache-2.0
// The few packet filter rules of the built-in network, in chains of our own: masquerade from pods
// to outside, forwarding accepted before another firewall's policy can drop it. Rule text is pure;
// applying runs iptables-restore of each flavour that is in use.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::network {

struct FirewallConfig {
  std::string bridge;
  std::string subnet;       // this node's pods
  std::string pod_network;  // all nodes' pods: not masqueraded
};
// For `iptables-restore --noflush`: our chains made or emptied, and filled.
std::string PlanChains(const FirewallConfig& config);
// {table, chain, our chain, at the front}: the jumps that must be there once.
struct Jump {
  std::string table;
  std::string chain;
  std::string target;
  bool first = false;
};
std::vector<Jump> PlanJumps(const FirewallConfig& config);

base::Status ApplyFirewall(const FirewallConfig& config);   // safe to repeat
base::Status RemoveFirewall(const FirewallConfig& config);  // absent is success

}  // namespace keelson::network
