// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/digest.h"

#include <openssl/sha.h>

#include <array>

namespace keelson::image_gc {

std::string Sha256(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string out;
  for (const unsigned char byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  return out;
}

}  // namespace keelson::image_gc
