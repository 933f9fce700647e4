// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/soundness.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/certificate/openssl.h"
#include "lib/certificate/signing_request.h"

namespace keelson::identity {

using certificate::Bio;
using certificate::MemoryBio;
using certificate::X509Ptr;

namespace {

X509Ptr NextOf(BIO* text) { return X509Ptr(PEM_read_bio_X509(text, nullptr, nullptr, nullptr)); }

// By name alone it may be another authority's, of before an exchange of its key.
bool NamesItsKey(X509* authority, X509* certificate) {
  return X509_get0_subject_key_id(authority) != nullptr &&
         X509_get0_authority_key_id(certificate) != nullptr &&
         X509_check_issued(authority, certificate) == X509_V_OK;
}

}  // namespace

base::Status CheckClient(const std::string& certificate, const std::string& key,
                         const std::string& authorities) {
  struct Errors {
    ~Errors() { ERR_clear_error(); }  // none is left for who comes next
  } const errors;
  const X509Ptr own = NextOf(MemoryBio(certificate).get());
  if (!own) return base::DataLoss("the client certificate cannot be read");
  if (!certificate::BelongTogether(certificate, key))
    return base::DataLoss("the client key cannot be read, or is not the certificate's");
  if (authorities.empty()) return base::Ok();
  const Bio text = MemoryBio(authorities);
  bool any = false;
  while (const X509Ptr authority = NextOf(text.get())) {
    any = true;
    if (NamesItsKey(authority.get(), own.get()) &&
        X509_verify(own.get(), X509_get0_pubkey(authority.get())) != 1)
      return base::DataLoss(
          "the client certificate is not as its authority signed it, or that authority's is "
          "damaged");
  }
  return any ? base::Ok()
             : base::Status(base::DataLoss("the authority's certificate cannot be read"));
}

}  // namespace keelson::identity
