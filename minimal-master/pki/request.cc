// SPDX-License-Identifier: Apache-2.0
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/certificate/openssl.h"
#include "minimal-master/pki/certificate.h"
#include "minimal-master/pki/names.h"

namespace keelson::pki {

using certificate::Bio;
using certificate::BioText;
using certificate::MemoryBio;
using certificate::NamePtr;
using certificate::OpensslError;
using certificate::RequestPtr;

base::Result<SigningRequest> ParseRequest(const std::string& pem) {
  if (pem.size() > (64u << 10))
    return base::InvalidArgument("the certificate request is larger than 64 KiB");
  const Bio bio = MemoryBio(pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  if (!request) return OpensslError(base::Code::kInvalidArgument, "read a certificate request");
  std::shared_ptr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()), EVP_PKEY_free);
  if (!key) return OpensslError(base::Code::kInvalidArgument, "key of the certificate request");
  if (X509_REQ_verify(request.get(), key.get()) != 1)
    return OpensslError(base::Code::kInvalidArgument, "signature of the certificate request");
  SigningRequest parsed{.names = {}, .key = Key(std::move(key))};
  ReadSubject(X509_REQ_get_subject_name(request.get()), parsed.names);
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request.get());
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  ReadAlternatives(alternatives, parsed.names);
  GENERAL_NAMES_free(alternatives);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  ERR_clear_error();
  return parsed;
}

base::Result<std::string> MakeRequest(const Key& key, const Names& names) {
  const RequestPtr request(X509_REQ_new());
  KEELSON_CHECK(request != nullptr);
  ASSIGN_OR_RETURN(X509_NAME * subject, MakeSubject(names));
  const NamePtr owned(subject);
  X509_REQ_set_version(request.get(), X509_REQ_VERSION_1);
  X509_REQ_set_subject_name(request.get(), subject);
  X509_REQ_set_pubkey(request.get(), key.handle());
  ASSIGN_OR_RETURN(GENERAL_NAMES * alternatives, MakeAlternatives(names));
  if (alternatives != nullptr) {
    STACK_OF(X509_EXTENSION)* extensions = nullptr;
    const bool added =
        X509V3_add1_i2d(&extensions, NID_subject_alt_name, alternatives, 0, 0) == 1 &&
        X509_REQ_add_extensions(request.get(), extensions) == 1;
    GENERAL_NAMES_free(alternatives);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    if (!added) return OpensslError(base::Code::kInternal, "alternative names");
  }
  if (X509_REQ_sign(request.get(), key.handle(), EVP_sha256()) == 0)
    return OpensslError(base::Code::kInternal, "sign a certificate request");
  const Bio bio(BIO_new(BIO_s_mem()));
  KEELSON_CHECK(PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1);
  return BioText(bio.get());
}

}  // namespace keelson::pki
