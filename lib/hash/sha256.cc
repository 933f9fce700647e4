// SPDX-License-Identifier: Apache-2.0
#include "lib/hash/sha256.h"

#include <openssl/evp.h>

#include "lib/base/result.h"
#include "lib/base/strings.h"

namespace keelson::hash {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  KEELSON_CHECK(state_->context != nullptr &&
                EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  KEELSON_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::Finish() {
  std::string out(kSha256Bytes, '\0');
  KEELSON_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(out.data()),
                                   nullptr) == 1);
  return out;
}

std::string Sha256Of(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

std::string Sha256HexOf(std::string_view bytes) { return base::HexEncode(Sha256Of(bytes)); }

}  // namespace keelson::hash
