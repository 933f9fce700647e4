// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/self_signed.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "lib/base/log.h"
#include "lib/certificate/openssl.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::identity {

using base::Result;
using base::Status;
using certificate::Bio;
using certificate::BioText;
using certificate::Freer;
using certificate::KeyPtr;
using certificate::OpensslError;
using certificate::X509Ptr;

namespace {

constexpr int64_t kHour = 3600, kYear = 365 * 24 * kHour;

bool Add(X509* x509, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(x509, extension.get(), -1) == 1;
}

bool AddSerial(X509* x509) {
  const std::unique_ptr<BIGNUM, Freer<BN_free>> serial(BN_new());
  return serial && BN_rand(serial.get(), 127, 0, 0) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool IsKey(const std::string& text) {
  const KeyPtr key(
      PEM_read_bio_PrivateKey(certificate::MemoryBio(text).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return key != nullptr;
}

// One that says that it signed itself did.
bool IsCertificate(const std::string& text) {
  const X509Ptr x509(
      PEM_read_bio_X509(certificate::MemoryBio(text).get(), nullptr, nullptr, nullptr));
  const bool sound = x509 && (X509_NAME_cmp(X509_get_subject_name(x509.get()),
                                            X509_get_issuer_name(x509.get())) != 0 ||
                              X509_verify(x509.get(), X509_get0_pubkey(x509.get())) == 1);
  ERR_clear_error();
  return sound;
}

// For these names, good for another day, and the key is its own.
bool Serves(const KeyPair& pair, const std::vector<std::string>& names, int64_t now) {
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(pair.certificate);
  return life.ok() && life->end > now + kRenewedBeforeEnd && IsCertificate(pair.certificate) &&
         certificate::BelongTogether(pair.certificate, pair.key) &&
         certificate::ServesFor(pair.certificate, names);
}

// What was one and is none any more is kept for a person to look at; one that has ended, or is for
// other names, is only written over.
Status KeepDamaged(const std::string& path, const Result<std::string>& text, bool sound) {
  if (sound || (!text.ok() && text.error().code() == base::Code::kNotFound)) return base::Ok();
  base::LogWarn(
      "the kubelet's own serving certificate is damaged, put aside and made anew",
      {{"path", path},
       {"aside", os::AsidePath(path)},
       {"error", text.ok() ? base::DataLoss("it is none, or not the other's") : text.error()}});
  return os::SetAside(path);
}

}  // namespace

Result<KeyPair> MakeSelfSigned(const std::vector<std::string>& names, int64_t now) {
  if (names.empty()) return base::InvalidArgument("a certificate needs a name");
  ASSIGN_OR_RETURN(const std::string alternatives, certificate::AlternativeNames(names));
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr x509(X509_new());
  if (!key || !x509) return OpensslError(base::Code::kInternal, "make a key");
  X509_NAME* subject = X509_get_subject_name(x509.get());
  const auto* name = reinterpret_cast<const unsigned char*>(names[0].c_str());
  if (X509_set_version(x509.get(), X509_VERSION_3) != 1 || !AddSerial(x509.get()) ||
      ASN1_TIME_set(X509_getm_notBefore(x509.get()), now - kHour) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(x509.get()), now + kYear) == nullptr ||
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) != 1 ||
      X509_set_issuer_name(x509.get(), subject) != 1 ||
      X509_set_pubkey(x509.get(), key.get()) != 1 ||
      !Add(x509.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !Add(x509.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment") ||
      !Add(x509.get(), NID_ext_key_usage, "serverAuth") ||
      !Add(x509.get(), NID_subject_alt_name, alternatives) ||
      X509_sign(x509.get(), key.get(), EVP_sha256()) == 0)
    return OpensslError(base::Code::kInternal, "make a certificate");
  const Bio certificate(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate.get(), x509.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1)
    return OpensslError(base::Code::kInternal, "write a certificate");
  return KeyPair{BioText(certificate.get()), BioText(key_text.get())};
}

SelfSignedPaths SelfSignedIn(const std::string& directory) {
  return {directory + "/kubelet.crt", directory + "/kubelet.key"};
}

Result<KeyPair> OpenSelfSigned(const std::string& directory, const std::vector<std::string>& names,
                               int64_t now) {
  const auto [certificate, key] = SelfSignedIn(directory);
  const Result<std::string> certificate_text = os::ReadFile(certificate),
                            key_text = os::ReadFile(key);
  const KeyPair there{certificate_text.ok() ? *certificate_text : "",
                      key_text.ok() ? *key_text : ""};
  if (!there.key.empty() && Serves(there, names, now)) return there;
  ASSIGN_OR_RETURN(KeyPair made, MakeSelfSigned(names, now));
  RETURN_IF_ERROR(os::MakeDirs(directory, 0700));
  const bool is_certificate = IsCertificate(there.certificate);
  RETURN_IF_ERROR(KeepDamaged(certificate, certificate_text, is_certificate));
  RETURN_IF_ERROR(KeepDamaged(key, key_text,
                              is_certificate
                                  ? certificate::BelongTogether(there.certificate, there.key)
                                  : IsKey(there.key)));
  RETURN_IF_ERROR(os::WriteFileAtomic(key, made.key, 0600));
  RETURN_IF_ERROR(os::WriteFileAtomic(certificate, made.certificate, 0644));
  return made;
}

}  // namespace keelson::identity
