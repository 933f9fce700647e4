// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/subnets.h"

#include <arpa/inet.h>

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::network {

using base::Result;

namespace {

Result<Subnet6> ParseSubnet6(std::string_view text, uint64_t least, uint64_t most) {
  const size_t slash = text.find('/');
  Subnet6 subnet;
  const std::string host(text.substr(0, slash));
  constexpr uint64_t kNone = UINT64_MAX;
  const uint64_t prefix = slash == std::string_view::npos
                              ? kNone
                              : base::ParseUint64(text.substr(slash + 1)).value_or(kNone);
  if (inet_pton(AF_INET6, host.c_str(), subnet.base.data()) != 1 || prefix < least ||
      prefix > most) {
    return base::InvalidArgument(
        "'{}' is not an IPv6 network: expected one such as fd42::/64, prefix {} to {}", text, least,
        most);
  }
  subnet.prefix = static_cast<int>(prefix);
  for (size_t bit = prefix; bit < 128; ++bit)
    subnet.base[bit / 8] = static_cast<uint8_t>(subnet.base[bit / 8] & ~(0x80u >> bit % 8));
  return subnet;
}

}  // namespace

Address6 Subnet6::At(uint32_t number) const {
  Address6 address = base;
  uint64_t carry = number;
  for (size_t i = address.size(); i-- > 0 && carry > 0;) {
    carry += address[i];
    address[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return address;
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
    if (part.find(':') == std::string_view::npos) {
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
    if (part.find(':') == std::string_view::npos) {
      ASSIGN_OR_RETURN(const Subnet subnet, ParseSubnet(part));
      networks.v4 = FormatSubnet(subnet);
    } else {
      ASSIGN_OR_RETURN(const Subnet6 subnet, ParseSubnet6(part, 8, 125));
      networks.v6 = FormatSubnet(subnet);
    }
  }
  return networks;
}

std::string FormatAddress(const Address6& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, address.data(), text, sizeof text);
  return text;
}

std::string FormatSubnet(const Subnet6& subnet) {
  return FormatAddress(subnet.base) + "/" + std::to_string(subnet.prefix);
}

}  // namespace keelson::network
