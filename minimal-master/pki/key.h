// SPDX-License-Identifier: Apache-2.0
// A key pair, or the public half of one: ECDSA P-256 when made here, RSA understood too. Signatures
// are JWS's (RFC 7518: ES256 as r‖s, RS256). Immutable, shared on copy, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

struct evp_pkey_st;

namespace keelson::pki {

class Key {
 public:
  static base::Result<Key> Generate();  // P-256
  static base::Result<Key> FromPem(const std::string& pem);
  static base::Result<Key> PublicFromPem(const std::string& pem);
  explicit Key(std::shared_ptr<evp_pkey_st> handle) : handle_(std::move(handle)) {}

  std::string PrivatePem() const;      // PKCS #8
  std::string PublicPem() const;       // SubjectPublicKeyInfo
  std::string Id() const;              // base64url(SHA-256 of the public half), upstream's kid
  std::string_view Algorithm() const;  // "ES256" or "RS256"; empty: neither
  base::Result<std::string> Sign(std::string_view data) const;
  bool Verify(std::string_view data, std::string_view signature) const;

  evp_pkey_st* handle() const { return handle_.get(); }

 private:
  std::shared_ptr<evp_pkey_st> handle_;
};

// RFC 4648, 5, without padding.
std::string Base64UrlEncode(std::string_view bytes);
base::Result<std::string> Base64UrlDecode(std::string_view text);

}  // namespace keelson::pki
