// SPDX-License-Identifier: Apache-2.0
// IPv4 subnets and which address a pod gets. Pure. Addresses are in host byte order.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::network {

struct Subnet {
  uint32_t base = 0;
  int prefix = 24;
  uint32_t Gateway() const { return base + 1; }
  uint32_t First() const { return base + 2; }
  uint32_t Last() const { return (base | (prefix >= 32 ? 0 : 0xffffffffu >> prefix)) - 1; }
};
base::Result<Subnet> ParseSubnet(std::string_view text);  // "10.42.0.0/24", prefix 8 to 29
std::string FormatAddress(uint32_t address);
std::string FormatSubnet(const Subnet& subnet);

// Who has which address: sandbox id → address, and the last one given out. A just freed one comes
// last, so that nobody's late packets reach a stranger.
struct Allocations {
  std::map<std::string, uint32_t> owners;
  uint32_t last = 0;
};
// The one it has, or the next free one after `last`; ResourceExhausted names the subnet.
base::Result<uint32_t> Allocate(const Subnet& subnet, Allocations& allocations,
                                const std::string& owner);

std::string EncodeAllocations(const Allocations& allocations);
base::Result<Allocations> DecodeAllocations(std::string_view bytes);

}  // namespace keelson::network
