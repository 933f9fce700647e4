// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/signing_request.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <optional>

namespace keelson::identity {

using base::Result;

namespace {

template <auto Free>
struct Freed {
  void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using RequestOwner = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using X509Owner = std::unique_ptr<X509, Freed<X509_free>>;
using BioOwner = std::unique_ptr<BIO, Freed<BIO_free>>;

base::Error Failed(const char* what) {
  char text[256] = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return base::Internal("{}: {}", what, text);
}

BioOwner Reading(const std::string& text) {
  return BioOwner(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}
bool AddName(X509_NAME* subject, const char* kind, const std::string& value) {
  return X509_NAME_add_entry_by_txt(subject, kind, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1,
                                    0) == 1;
}
std::optional<int64_t> SecondsOf(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

}  // namespace

Result<SigningRequest> RequestAsNode(const std::string& node) {
  const Key key(EVP_EC_gen("P-256"));
  const RequestOwner request(X509_REQ_new());
  if (!key || !request) return Failed("make a key");
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !AddName(subject, "O", "system:nodes") || !AddName(subject, "CN", "system:node:" + node) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0)
    return Failed("make a signing request");
  const BioOwner text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509_REQ(text.get(), request.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1)
    return Failed("write a signing request");
  return SigningRequest{TextOf(text.get()), TextOf(key_text.get())};
}

Result<Lifetime> LifetimeOf(const std::string& pem) {
  const X509Owner x509(PEM_read_bio_X509(Reading(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!x509) return base::InvalidArgument("no certificate");
  const std::optional<int64_t> begin = SecondsOf(X509_get0_notBefore(x509.get()));
  const std::optional<int64_t> end = SecondsOf(X509_get0_notAfter(x509.get()));
  if (!begin || !end) return base::InvalidArgument("a certificate without its times");
  return Lifetime{*begin, *end};
}

bool BelongTogether(const std::string& certificate, const std::string& key) {
  const X509Owner x509(PEM_read_bio_X509(Reading(certificate).get(), nullptr, nullptr, nullptr));
  const Key own(PEM_read_bio_PrivateKey(Reading(key).get(), nullptr, nullptr, nullptr));
  const bool together = x509 && own && X509_check_private_key(x509.get(), own.get()) == 1;
  ERR_clear_error();
  return together;
}

}  // namespace keelson::identity
