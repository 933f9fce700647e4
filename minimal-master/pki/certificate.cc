// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/certificate/openssl.h"
#include "minimal-master/pki/names.h"

namespace keelson::pki {

using certificate::Bio;
using certificate::BioText;
using certificate::MemoryBio;
using certificate::NamePtr;
using certificate::OpensslError;
using certificate::X509Ptr;
namespace {

int64_t Seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

Certificate Facts(X509* x509) {
  Certificate facts;
  ReadSubject(X509_get_subject_name(x509), facts.names);
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr));
  ReadAlternatives(alternatives, facts.names);
  GENERAL_NAMES_free(alternatives);
  facts.not_before = Seconds(X509_get0_notBefore(x509));
  facts.not_after = Seconds(X509_get0_notAfter(x509));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(x509);
  facts.serial = base::HexEncode({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                                  static_cast<size_t>(ASN1_STRING_length(serial))});
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(x509, EVP_sha256(), digest, &size) == 1)
    facts.sha256 = base::HexEncode({reinterpret_cast<const char*>(digest), size});
  facts.authority = X509_check_ca(x509) == 1;
  const uint32_t usage = X509_get_extended_key_usage(x509);
  facts.client = usage != UINT32_MAX && (usage & XKU_SSL_CLIENT) != 0;
  facts.server = usage != UINT32_MAX && (usage & XKU_SSL_SERVER) != 0;
  ERR_clear_error();
  return facts;
}

base::Status AddExtension(X509* x509, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return OpensslError(base::Code::kInternal, "extension " + value);
  const bool added = X509_add_ext(x509, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  if (!added) return OpensslError(base::Code::kInternal, "extension " + value);
  return base::Ok();
}

// Version 3, a random serial of 127 bits, subject, key and time.
base::Result<X509Ptr> Blank(const Names& names, const Key& key, int64_t not_before,
                            int64_t not_after) {
  X509Ptr x509(X509_new());
  KEELSON_CHECK(x509 != nullptr);
  X509_set_version(x509.get(), X509_VERSION_3);
  BIGNUM* serial = BN_new();
  KEELSON_CHECK(serial != nullptr && BN_rand(serial, 127, 0, 0) == 1);
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509.get()));
  BN_free(serial);
  ASN1_TIME_set(X509_getm_notBefore(x509.get()), not_before);
  ASN1_TIME_set(X509_getm_notAfter(x509.get()), not_after);
  ASSIGN_OR_RETURN(X509_NAME * subject, MakeSubject(names));
  const NamePtr owned(subject);
  if (X509_set_subject_name(x509.get(), subject) != 1 ||
      X509_set_pubkey(x509.get(), key.handle()) != 1)
    return OpensslError(base::Code::kInternal, "make a certificate");
  return x509;
}

std::string Pem(X509* x509) {
  const Bio bio(BIO_new(BIO_s_mem()));
  KEELSON_CHECK(PEM_write_bio_X509(bio.get(), x509) == 1);
  return BioText(bio.get());
}

base::Result<X509Ptr> Read(const std::string& pem) {
  const Bio bio = MemoryBio(pem);
  X509Ptr x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!x509) return OpensslError(base::Code::kInvalidArgument, "read a certificate");
  return x509;
}

}  // namespace

base::Result<Certificate> ParseCertificate(const std::string& pem) {
  ASSIGN_OR_RETURN(const X509Ptr x509, Read(pem));
  return Facts(x509.get());
}

base::Result<Certificate> ParseCertificateDer(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const X509Ptr x509(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
  if (!x509) return OpensslError(base::Code::kInvalidArgument, "read a certificate");
  return Facts(x509.get());
}

base::Status CheckSelfSigned(const std::string& pem) {
  ASSIGN_OR_RETURN(const X509Ptr x509, Read(pem));
  EVP_PKEY* key = X509_get0_pubkey(x509.get());
  const bool own =
      X509_NAME_cmp(X509_get_subject_name(x509.get()), X509_get_issuer_name(x509.get())) == 0;
  const bool whole = key != nullptr && (!own || X509_verify(x509.get(), key) == 1);
  ERR_clear_error();
  if (!whole) return base::DataLoss("its key or its own signature is damaged");
  return base::Ok();
}

base::Result<Authority> Authority::Create(const std::string& name, int64_t not_before,
                                          int64_t not_after) {
  ASSIGN_OR_RETURN(const Key key, Key::Generate());
  return Create(name, key, not_before, not_after);
}

base::Result<Authority> Authority::Create(const std::string& name, const Key& key,
                                          int64_t not_before, int64_t not_after) {
  ASSIGN_OR_RETURN(X509Ptr x509, Blank({.common_name = name}, key, not_before, not_after));
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get()));
  RETURN_IF_ERROR(AddExtension(x509.get(), x509.get(), NID_basic_constraints, "critical,CA:TRUE"));
  RETURN_IF_ERROR(AddExtension(x509.get(), x509.get(), NID_key_usage,
                               "critical,digitalSignature,keyEncipherment,keyCertSign"));
  RETURN_IF_ERROR(AddExtension(x509.get(), x509.get(), NID_subject_key_identifier, "hash"));
  if (X509_sign(x509.get(), key.handle(), EVP_sha256()) == 0)
    return OpensslError(base::Code::kInternal, "sign the authority");
  return Load(Pem(x509.get()), key.PrivatePem());
}

base::Result<Authority> Authority::Load(const std::string& certificate_pem,
                                        const std::string& key_pem) {
  ASSIGN_OR_RETURN(X509Ptr x509, Read(certificate_pem));
  ASSIGN_OR_RETURN(Key key, Key::FromPem(key_pem));
  if (X509_check_private_key(x509.get(), key.handle()) != 1)
    return OpensslError(base::Code::kInvalidArgument, "the authority's key and certificate");
  Certificate facts = Facts(x509.get());
  if (!facts.authority) return base::InvalidArgument("the certificate is not an authority's");
  return Authority(certificate_pem, std::move(key),
                   std::shared_ptr<X509>(x509.release(), X509_free), std::move(facts));
}

base::Result<std::string> Authority::Issue(const Key& subject, const Profile& profile) const {
  if (profile.not_before >= facts_.not_after)
    return base::FailedPrecondition("the certificate authority has ended");
  ASSIGN_OR_RETURN(X509Ptr x509, Blank(profile.names, subject, profile.not_before,
                                       std::min(profile.not_after, facts_.not_after)));
  X509_set_issuer_name(x509.get(), X509_get_subject_name(handle_.get()));
  std::string usage = "critical";
  if (profile.digital_signature) usage += ",digitalSignature";
  if (profile.key_encipherment) usage += ",keyEncipherment";
  if (usage != "critical")
    RETURN_IF_ERROR(AddExtension(x509.get(), handle_.get(), NID_key_usage, usage));
  std::string extended = profile.server ? "serverAuth" : "";
  if (profile.client) extended += extended.empty() ? "clientAuth" : ",clientAuth";
  if (!extended.empty())
    RETURN_IF_ERROR(AddExtension(x509.get(), handle_.get(), NID_ext_key_usage, extended));
  RETURN_IF_ERROR(
      AddExtension(x509.get(), handle_.get(), NID_basic_constraints, "critical,CA:FALSE"));
  RETURN_IF_ERROR(AddExtension(x509.get(), handle_.get(), NID_authority_key_identifier, "keyid"));
  ASSIGN_OR_RETURN(GENERAL_NAMES * alternatives, MakeAlternatives(profile.names));
  if (alternatives != nullptr) {
    const bool added = X509_add1_ext_i2d(x509.get(), NID_subject_alt_name, alternatives, 0, 0) == 1;
    GENERAL_NAMES_free(alternatives);
    if (!added) return OpensslError(base::Code::kInternal, "alternative names");
  }
  if (X509_sign(x509.get(), key_.handle(), EVP_sha256()) == 0)
    return OpensslError(base::Code::kInternal, "sign a certificate");
  return Pem(x509.get());
}

bool Authority::Issued(const std::string& pem, const Key& key) const {
  const auto x509 = Read(pem);
  const bool issued = x509.ok() && X509_verify(x509->get(), key_.handle()) == 1 &&
                      X509_check_private_key(x509->get(), key.handle()) == 1;
  ERR_clear_error();
  return issued;
}

}  // namespace keelson::pki
