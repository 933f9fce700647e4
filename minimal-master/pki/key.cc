// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/certificate/openssl.h"
#include "lib/hash/sha256.h"

namespace keelson::pki {

using certificate::Bio;
using certificate::BioText;
using certificate::Freer;
using certificate::MemoryBio;
using certificate::OpensslError;
namespace {

constexpr size_t kHalf = 32;  // bytes of r and of s with P-256
using Context = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool IsP256(EVP_PKEY* key) {
  char group[32] = "";
  size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &size) == 1 &&
         std::string_view(group) == "prime256v1";
}

}  // namespace

base::Result<Key> Key::Generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (key == nullptr) return OpensslError(base::Code::kInternal, "make a key");
  return Key(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

base::Result<Key> Key::FromPem(const std::string& pem) {
  const Bio bio = MemoryBio(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) return OpensslError(base::Code::kInvalidArgument, "read a private key");
  return Key(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

base::Result<Key> Key::PublicFromPem(const std::string& pem) {
  const Bio bio = MemoryBio(pem);
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
  if (key == nullptr) return OpensslError(base::Code::kInvalidArgument, "read a public key");
  return Key(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

std::string Key::PrivatePem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  KEELSON_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_.get(), nullptr, nullptr, 0,
                                              nullptr, nullptr) == 1);
  return BioText(bio.get());
}

std::string Key::PublicPem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  KEELSON_CHECK(PEM_write_bio_PUBKEY(bio.get(), handle_.get()) == 1);
  return BioText(bio.get());
}

std::string Key::Id() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(handle_.get(), &der);
  KEELSON_CHECK(size > 0);
  const std::string sum =
      hash::Sha256Of({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return Base64UrlEncode(sum);
}

std::string_view Key::Algorithm() const {
  if (IsP256(handle_.get())) return "ES256";
  return EVP_PKEY_get_base_id(handle_.get()) == EVP_PKEY_RSA ? "RS256" : "";
}

base::Result<std::string> Key::Sign(std::string_view data) const {
  const Context context(EVP_MD_CTX_new());
  size_t size = 0;
  if (Algorithm().empty()) return base::InvalidArgument("only P-256 and RSA keys sign");
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, handle_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(data), data.size()) != 1)
    return OpensslError(base::Code::kInternal, "sign");
  std::string out(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                     Bytes(data), data.size()) != 1)
    return OpensslError(base::Code::kInternal, "sign");
  out.resize(size);
  if (Algorithm() != "ES256") return out;
  const unsigned char* der = Bytes(out);
  const Signature parts(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(out.size())));
  if (!parts) return OpensslError(base::Code::kInternal, "sign");
  std::string fixed(2 * kHalf, '\0');
  auto* raw = reinterpret_cast<unsigned char*>(fixed.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw, kHalf);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw + kHalf, kHalf);
  return fixed;
}

bool Key::Verify(std::string_view data, std::string_view signature) const {
  std::string der(signature);
  if (Algorithm().empty()) return false;
  if (Algorithm() == "ES256") {
    if (signature.size() != 2 * kHalf) return false;
    const Signature parts(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(Bytes(signature), kHalf, nullptr);
    BIGNUM* s = BN_bin2bn(Bytes(signature) + kHalf, kHalf, nullptr);
    KEELSON_CHECK(parts && r != nullptr && s != nullptr);
    KEELSON_CHECK(ECDSA_SIG_set0(parts.get(), r, s) == 1);
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(parts.get(), &out);
    if (size <= 0) return false;
    der.assign(reinterpret_cast<char*>(out), static_cast<size_t>(size));
    OPENSSL_free(out);
  }
  const Context context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, handle_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(der), der.size(), Bytes(data), data.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string Base64UrlEncode(std::string_view bytes) {
  std::string text = base::Base64Encode(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(text.find_last_not_of('=') == std::string::npos ? 0 : text.find_last_not_of('=') + 1);
  return text;
}

base::Result<std::string> Base64UrlDecode(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos)
    return base::InvalidArgument("not base64url");
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  while (standard.size() % 4 != 0) standard += '=';
  std::optional<std::string> bytes = base::Base64Decode(standard);
  if (!bytes) return base::InvalidArgument("not base64url");
  return *std::move(bytes);
}

}  // namespace keelson::pki
