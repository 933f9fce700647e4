// SPDX-License-Identifier: Apache-2.0
// Where packets go, as rtnetlink has it: addresses of links, routes of the main table, and VXLAN
// devices with the entries by which they find their peers. Plain data; RouteSocket lists and
// changes it. Source: rtnetlink(7), linux/if_link.h, linux/neighbour.h.
#pragma once

#include <optional>
#include <string>

#include "lib/base/ip_address.h"
#include "lib/kernel/netlink/mac.h"

namespace keelson::netlink {

struct LinkAddress {
  int link = 0;
  base::IpAddress address;
  int bits = 0;
  bool global = true;     // reached from elsewhere; of one that is there
  bool permanent = true;  // nobody takes it back after a time; so too
};

struct Route {
  base::IpBlock to;
  base::IpAddress via;
  int link = 0;
  bool onlink = false;   // `via` is behind the link though no address says so
  uint8_t protocol = 0;  // who put it there
  friend bool operator==(const Route&, const Route&) = default;
};

// A permanent entry: `address` behind `link` has this MAC address. Of a VXLAN device's forwarding
// database: the machine that has the MAC is reached at `address`.
struct Neighbour {
  int link = 0;
  Mac mac{};
  base::IpAddress address;
  friend auto operator<=>(const Neighbour&, const Neighbour&) = default;
};

struct VxlanLink {
  std::string name;
  uint32_t vni = 0;
  uint16_t port = 0;
  base::IpAddress local;  // where its packets come from
  int below = 0;          // the link that they leave by
  bool learning = false;
  Mac mac{};
  uint32_t mtu = 0;
  int index = 0;    // of one that is there
  bool up = false;  // so too
};

}  // namespace keelson::netlink
