// SPDX-License-Identifier: Apache-2.0
// The few packet filter rules of the built-in network, in chains of our own: masquerade from pods
// to outside, forwarding accepted before another firewall's policy can drop it, host ports, and a
// guard of the machine's loopback. Rule text is pure; applying runs iptables-restore (ip6tables for
// IPv6) of each flavour that is in use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::network {

struct FirewallConfig {
  std::string bridge;
  std::string subnet;       // this node's pods
  std::string pod_network;  // all nodes' pods: not masqueraded
  bool v6 = false;
};
// For `iptables-restore --noflush`: our chains made or emptied, and filled. Host ports are
// host_ports.h's.
std::string PlanChains(const FirewallConfig& config);
// {table, chain, our chain, at the front, what it looks at}: the jumps that must be there once.
struct Jump {
  std::string table;
  std::string chain;
  std::string target;
  bool first = false;
  std::vector<std::string> match = {};
};
std::vector<Jump> PlanJumps(const FirewallConfig& config);
// The bridge whose pods a chain of ours is for; empty: it is none of ours.
std::string BridgeOfChain(std::string_view chain);
// Where in FORWARD, from 1, the first jump to `target` is, and the last one to a service proxy's
// chains (KUBE-…); 0: nowhere. `saved`: iptables-save's.
struct ForwardOrder {
  size_t own = 0, services = 0;
  friend bool operator==(const ForwardOrder&, const ForwardOrder&) = default;
};
ForwardOrder OrderOf(std::string_view saved, std::string_view target);

// `host_ports`: the text that fills the chain of host ports. Safe to repeat.
base::Status ApplyFirewall(const FirewallConfig& config, const std::string& host_ports);
base::Status ApplyHostPorts(const FirewallConfig& config, const std::string& host_ports);
base::Status RemoveFirewall(const FirewallConfig& config);  // absent is success

}  // namespace keelson::network
