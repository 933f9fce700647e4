// SPDX-License-Identifier: Apache-2.0
// How packets reach the pods of other nodes: by the node itself where a link of ours leads to it
// (host-gw), else inside UDP (VXLAN). From the cluster's nodes and this node's links to routes and
// at most one tunnel for one family. Pure, any thread. Source: docs/adr/0009; RFC 7348; numbers as
// flannel's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/kernel/netlink/paths.h"
#include "proxy/routes/model.h"

namespace keelson::proxy::routes {

enum class Mode : uint8_t { kNone, kHostGateway, kVxlan, kAuto };
// "none", "host-gw", "vxlan", "auto"
std::optional<Mode> ModeOf(std::string_view name);

constexpr uint32_t kVni = 1;
constexpr uint16_t kPort = 8472;
constexpr uint8_t kProtocol = 75;  // 'K': by which our routes are told from others'
inline const char* TunnelName(bool v6) { return v6 ? "keelson6.1" : "keelson.1"; }

struct OwnLink {
  int index = 0;
  uint32_t mtu = 0;
};

struct Facts {
  std::string self;                          // this node's name
  std::map<std::string, ClusterNode> nodes;  // by name, this one too
  std::map<int, OwnLink> links;              // that are up, without tunnels of ours
  std::vector<netlink::LinkAddress> addresses;
};

struct Path {
  base::IpBlock to;
  base::IpAddress via;
  int link = 0;  // 0: the tunnel
  friend auto operator<=>(const Path&, const Path&) = default;
};

// Another node's end of the tunnel.
struct Peer {
  base::IpAddress inside;  // the first address of its pods; for IPv6 the device's link-local one
  netlink::Mac mac{};
  base::IpAddress outside;  // the node
  friend auto operator<=>(const Peer&, const Peer&) = default;
};

struct Tunnel {
  netlink::VxlanLink device;
  base::IpAddress inside;
  std::vector<Peer> peers;
};

struct Plan {
  std::vector<Path> paths;
  std::optional<Tunnel> tunnel;
  std::vector<std::string> left_out;  // sentences: what cannot be reached, and why
};

Plan PlanRoutes(const Facts& facts, Mode mode, bool v6);

// Locally administered, from the node's name and the family.
netlink::Mac DerivedMac(const std::string& node, bool v6);

}  // namespace keelson::proxy::routes
