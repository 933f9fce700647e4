// SPDX-License-Identifier: Apache-2.0
// IP addresses of both families and blocks of them as plain values: the one place where their text
// is read. Pure, any thread. Source: RFC 4291; Go's net.ParseIP and net.ParseCIDR, whose rules are
// the field's: a zone or a leading zero in a number of IPv4 makes a text no address; a prefix's
// length may have leading zeros.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keelson::base {

__extension__ using IpNumber = unsigned __int128;

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; the first four of IPv4

  // The whole text: "10.1.0.3", "fd00::3".
  static std::optional<IpAddress> Parse(std::string_view text);
  // Four bytes or sixteen, in network order.
  static std::optional<IpAddress> FromBytes(std::string_view raw);
  static IpAddress FromNumber(IpNumber number, bool v6);

  size_t size() const { return v6 ? 16 : 4; }
  int bits() const { return v6 ? 128 : 32; }
  std::string_view raw() const { return {reinterpret_cast<const char*>(bytes.data()), size()}; }
  IpNumber Number() const;
  std::string Text() const;  // one spelling of each, RFC 5952
  // The IPv4 address that ::ffff:a.b.c.d stands for; every other one itself.
  IpAddress Unmapped() const;

  bool IsUnspecified() const;  // 0.0.0.0, ::
  bool IsLoopback() const;     // 127.0.0.0/8, ::1
  bool IsLinkLocal() const;    // 169.254.0.0/16, fe80::/10
  // Go's net.IP.IsGlobalUnicast: none of those above, nor multicast, nor the broadcast; private
  // ones are. What is mapped counts as the IPv4 address that it is.
  bool IsGlobalUnicast() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// Of the text of an address, a block or nothing at all: only IPv6 has colons.
inline bool IsV6(std::string_view text) { return text.find(':') != std::string_view::npos; }
// How an address, or a host's name, is written where a port follows: "[::1]", "127.0.0.1".
std::string Bracketed(std::string_view host);
std::string Endpoint(std::string_view host, int64_t port);  // "127.0.0.1:6443", "[::]:0"

struct IpBlock {
  IpAddress address;  // its first one
  int bits = 0;

  // "10.1.0.0/16"; what lies behind the prefix is cleared.
  static std::optional<IpBlock> Parse(std::string_view text);
  static IpBlock Around(IpAddress address, int bits);
  bool Contains(const IpAddress& one) const;
  bool Overlaps(const IpBlock& other) const;
  std::string Text() const;
  friend auto operator<=>(const IpBlock&, const IpBlock&) = default;
};

}  // namespace keelson::base
