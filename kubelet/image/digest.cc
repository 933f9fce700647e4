// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/digest.h"

#include <openssl/sha.h>

#include <array>

#include "lib/base/strings.h"

namespace keelson::image_gc {

std::string Sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base::HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace keelson::image_gc
