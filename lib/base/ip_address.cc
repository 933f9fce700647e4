// SPDX-License-Identifier: Apache-2.0
#include "lib/base/ip_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/base/strings.h"

namespace keelson::base {

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // inet_pton(3) reads up to a zero byte, and what stands behind one would go unseen.
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof copy || text.find('\0') != std::string_view::npos) return std::nullopt;
  text.copy(copy, text.size());
  IpAddress address;
  address.v6 = IsV6(text);
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy, address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

std::optional<IpAddress> IpAddress::FromBytes(std::string_view raw) {
  if (raw.size() != 4 && raw.size() != 16) return std::nullopt;
  IpAddress address;
  address.v6 = raw.size() == 16;
  std::memcpy(address.bytes.data(), raw.data(), raw.size());
  return address;
}

IpAddress IpAddress::FromNumber(IpNumber number, bool v6) {
  IpAddress address;
  address.v6 = v6;
  for (size_t i = address.size(); i-- > 0; number >>= 8)
    address.bytes[i] = static_cast<uint8_t>(number);
  return address;
}

IpNumber IpAddress::Number() const {
  IpNumber number = 0;
  for (size_t i = 0; i < size(); ++i) number = number << 8 | bytes[i];
  return number;
}

std::string IpAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

IpAddress IpAddress::Unmapped() const {
  constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return v6 && raw().starts_with(kMapped) ? *FromBytes(raw().substr(kMapped.size())) : *this;
}

bool IpAddress::IsUnspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::IsLoopback() const { return v6 ? Number() == 1 : bytes[0] == 127; }

bool IpAddress::IsLinkLocal() const {
  return v6 ? bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 : bytes[0] == 169 && bytes[1] == 254;
}

bool IpAddress::IsGlobalUnicast() const {
  const IpAddress own = Unmapped();
  const bool multicast = own.v6 ? own.bytes[0] == 0xff : own.bytes[0] >> 4 == 0xe;
  const bool broadcast = !own.v6 && own.Number() == 0xffffffff;
  return !own.IsUnspecified() && !own.IsLoopback() && !own.IsLinkLocal() && !multicast &&
         !broadcast;
}

std::string Bracketed(std::string_view host) {
  return IsV6(host) ? fmt::format("[{}]", host) : std::string(host);
}

std::string Endpoint(std::string_view host, int64_t port) {
  return fmt::format("{}:{}", Bracketed(host), port);
}

IpBlock IpBlock::Around(IpAddress address, int bits) {
  for (int bit = bits; bit < address.bits(); ++bit)
    address.bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  return {address, bits};
}

std::optional<IpBlock> IpBlock::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::Parse(text.substr(0, slash));
  const auto bits = ParseUint64(text.substr(slash + 1));
  if (!address || !bits || *bits > static_cast<uint64_t>(address->bits())) return std::nullopt;
  return Around(*address, static_cast<int>(*bits));
}

bool IpBlock::Contains(const IpAddress& one) const {
  return one.v6 == address.v6 && Around(one, bits).address == address;
}

bool IpBlock::Overlaps(const IpBlock& other) const {
  return bits <= other.bits ? Contains(other.address) : other.Contains(address);
}

std::string IpBlock::Text() const { return fmt::format("{}/{}", address.Text(), bits); }

}  // namespace keelson::base
