// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::netlink {

std::optional<IpAddress> IpAddress::Parse(const std::string& text) {
  IpAddress address;
  address.v6 = text.find(':') != std::string::npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

std::string IpAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

IpBlock IpBlock::Around(IpAddress address, int bits) {
  for (int bit = bits; bit < address.bits(); ++bit)
    address.bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  return {address, bits};
}

std::optional<IpBlock> IpBlock::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = IpAddress::Parse(text.substr(0, slash));
  const auto bits = base::ParseUint64(std::string_view(text).substr(slash + 1));
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

std::optional<Mac> ParseMac(const std::string& text) {
  if (text.size() != 17) return std::nullopt;
  Mac mac;
  for (size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    int value = 0;
    for (const char c : text.substr(i * 3, 2)) {
      const size_t digit = std::string_view("0123456789abcdef")
                               .find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<int>(digit);
    }
    mac[i] = static_cast<uint8_t>(value);
  }
  return mac;
}

std::string MacText(const Mac& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

}  // namespace keelson::netlink
