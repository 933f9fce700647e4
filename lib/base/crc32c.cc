// SPDX-License-Identifier: Apache-2.0
#include "lib/base/crc32c.h"

#include <array>

namespace keelson::base {

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
  static constexpr std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
      table[i] = value;
    }
    return table;
  }();
  uint32_t crc = ~seed;
  for (const unsigned char c : bytes) crc = kTable[(crc ^ c) & 255] ^ crc >> 8;
  return ~crc;
}

}  // namespace keelson::base
