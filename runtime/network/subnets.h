// SPDX-License-Identifier: Apache-2.0
// The node's pod subnets, one of a family or one of each. A pod's IPv6 address has the same number
// in its subnet as its IPv4 address has in the other, so one allocation serves both. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/network/addresses.h"

namespace keelson::network {

using Address6 = std::array<uint8_t, 16>;  // network order

struct Subnet6 {
  Address6 base{};
  int prefix = 64;
  Address6 At(uint32_t number) const;  // base + number
};

struct PodSubnets {
  std::optional<Subnet> v4;
  std::optional<Subnet6> v6;
  bool v6_first = false;
  // Where numbers are given out: the IPv4 subnet, else one as large as the IPv6 subnet allows.
  Subnet Numbers() const;
  uint32_t NumberOf(uint32_t allocated) const { return allocated - Numbers().base; }
};

// "10.42.0.0/24", "fd42::/64" or one of each separated by a comma; the first is the primary.
base::Result<PodSubnets> ParsePodSubnets(std::string_view text);
std::string FormatAddress(const Address6& address);
std::string FormatSubnet(const Subnet6& subnet);

// Networks of both families in a comma list, checked, canonical; empty: none of that family.
struct Networks {
  std::string v4;
  std::string v6;
};
base::Result<Networks> ParseNetworks(std::string_view text);

}  // namespace keelson::network
