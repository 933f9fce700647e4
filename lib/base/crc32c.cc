// SPDX-License-Identifier: Apache-2.0
#include "lib/base/crc32c.h"

#include <array>
#include <cstring>

namespace keelson::base {
namespace {

uint32_t Extend(uint32_t crc, std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
      table[i] = value;
    }
    return table;
  }();
  for (const unsigned char c : bytes) crc = kTable[(crc ^ c) & 255] ^ crc >> 8;
  return crc;
}

#ifdef __x86_64__
// The processor's own instruction for this polynomial.
__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc,
                                                               std::string_view bytes) {
  uint64_t wide = crc;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
    bytes.remove_prefix(8);
  }
  crc = static_cast<uint32_t>(wide);
  for (const unsigned char c : bytes) crc = __builtin_ia32_crc32qi(crc, c);
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
#ifdef __x86_64__
  static const bool kInstruction = __builtin_cpu_supports("sse4.2");
  if (kInstruction) return ~ExtendByInstruction(~seed, bytes);
#endif
  return ~Extend(~seed, bytes);
}

}  // namespace keelson::base
