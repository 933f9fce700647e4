// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/mac.h"

#include <fmt/format.h>

#include <string_view>

namespace keelson::netlink {

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
