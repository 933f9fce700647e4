// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/subnets.h"

#include <algorithm>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::network {

using base::Result;

namespace {

Result<Subnet6> ParseSubnet6(std::string_view text, int least, int most) {
  const std::optional<base::IpBlock> block = base::IpBlock::Parse(text);
  if (!block || !block->address.v6 || block->bits < least || block->bits > most) {
    return base::InvalidArgument(
        "'{}' is not an IPv6 network: expected one such as fd42::/64, prefix {} to {}", text, least,
        most);
  }
  return Subnet6{block->address.bytes, block->bits};
}

}  // namespace

Address6 Subnet6::At(uint32_t number) const {
  const base::IpAddress first{true, base};
  return base::IpAddress::FromNumber(first.Number() + number, true).bytes;
}

Subnet PodSubnets::Numbers() const {
  if (v4) return *v4;
  Subnet numbers;
  numbers.base = 0;
  numbers.prefix = std::max(8, 32 - (128 - v6->prefix));
  return numbers;
}

Result<PodSubnets> ParsePodSubnets(std::string_view text) {
  PodSubnets subnets;
  for (const std::string_view part : base::Split(text, ',')) {
    if (!base::IsV6(part)) {
      ASSIGN_OR_RETURN(const Subnet subnet, ParseSubnet(part));
      if (subnets.v4)
        return base::InvalidArgument("'{}': one subnet of each family, not two of IPv4", text);
      subnets.v4 = subnet;
    } else {
      ASSIGN_OR_RETURN(const Subnet6 subnet, ParseSubnet6(part, 16, 125));
      if (subnets.v6)
        return base::InvalidArgument("'{}': one subnet of each family, not two of IPv6", text);
      subnets.v6 = subnet;
      subnets.v6_first = !subnets.v4;
    }
  }
  if (subnets.v4 && subnets.v6 && 128 - subnets.v6->prefix < 32 - subnets.v4->prefix) {
    return base::InvalidArgument(
        "'{}': the IPv6 subnet must have room for as many pods as the IPv4 subnet", text);
  }
  return subnets;
}

Result<Networks> ParseNetworks(std::string_view text) {
  Networks networks;
  for (const std::string_view part : base::Split(text, ',')) {
    if (!base::IsV6(part)) {
      ASSIGN_OR_RETURN(const Subnet subnet, ParseSubnet(part));
      networks.v4 = FormatSubnet(subnet);
    } else {
      ASSIGN_OR_RETURN(const Subnet6 subnet, ParseSubnet6(part, 8, 125));
      networks.v6 = FormatSubnet(subnet);
    }
  }
  return networks;
}

std::string FormatAddress(const Address6& address) { return base::IpAddress{true, address}.Text(); }

std::string FormatSubnet(const Subnet6& subnet) {
  return FormatAddress(subnet.base) + "/" + std::to_string(subnet.prefix);
}

}  // namespace keelson::network
