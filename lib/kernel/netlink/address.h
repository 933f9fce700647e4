// SPDX-License-Identifier: Apache-2.0
// Addresses of both families, blocks of them and MAC addresses as plain values. Pure, any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace keelson::netlink {

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; the first four of IPv4
  size_t size() const { return v6 ? 16 : 4; }
  int bits() const { return v6 ? 128 : 32; }
  static std::optional<IpAddress> Parse(const std::string& text);
  std::string Text() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct IpBlock {
  IpAddress address;  // its first one
  int bits = 0;
  // "10.1.0.0/16"; what lies behind the prefix is cleared.
  static std::optional<IpBlock> Parse(const std::string& text);
  static IpBlock Around(IpAddress address, int bits);
  bool Contains(const IpAddress& one) const;
  bool Overlaps(const IpBlock& other) const;
  std::string Text() const;
  friend auto operator<=>(const IpBlock&, const IpBlock&) = default;
};

using Mac = std::array<uint8_t, 6>;
std::optional<Mac> ParseMac(const std::string& text);  // "0a:1b:2c:3d:4e:5f"
std::string MacText(const Mac& mac);

}  // namespace keelson::netlink
