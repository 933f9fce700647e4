// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/mac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/base/result.h"

namespace keelson::pki {

std::string HmacSha256(std::string_view secret, std::string_view message) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), out, &size);
  KEELSON_CHECK(done != nullptr);
  return std::string(reinterpret_cast<const char*>(out), size);
}

}  // namespace keelson::pki
