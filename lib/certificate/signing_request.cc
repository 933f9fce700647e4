// SPDX-License-Identifier: Apache-2.0
#include "lib/certificate/signing_request.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <optional>

#include "lib/base/ip_address.h"
#include "lib/certificate/openssl.h"

namespace keelson::certificate {

using base::Result;

namespace {

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
// A name may hold what would end its place in OpenSSL's list.
bool IsPlain(const std::string& name) {
  return !name.empty() && name.find_first_of(",;\n\\\"= ") == std::string::npos;
}
bool AddAlternatives(X509_REQ* request, const std::string& names) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, nullptr, nullptr, request, nullptr, 0);
  X509_EXTENSION* one = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str());
  STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
  const bool added = one != nullptr && extensions != nullptr &&
                     sk_X509_EXTENSION_push(extensions, one) > 0 &&
                     X509_REQ_add_extensions(request, extensions) == 1;
  X509_EXTENSION_free(one);
  sk_X509_EXTENSION_free(extensions);
  return added;
}

}  // namespace

Result<SigningRequest> RequestAsNode(const std::string& node,
                                     const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const std::string alternatives, AlternativeNames(names));
  const KeyPtr key(EVP_EC_gen("P-256"));
  const RequestPtr request(X509_REQ_new());
  if (!key || !request) return OpensslError(base::Code::kInternal, "make a key");
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !AddName(subject, "O", "system:nodes") || !AddName(subject, "CN", "system:node:" + node) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      (!alternatives.empty() && !AddAlternatives(request.get(), alternatives)) ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0)
    return OpensslError(base::Code::kInternal, "make a signing request");
  const Bio text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509_REQ(text.get(), request.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1)
    return OpensslError(base::Code::kInternal, "write a signing request");
  return SigningRequest{BioText(text.get()), BioText(key_text.get())};
}

Result<Lifetime> LifetimeOf(const std::string& pem) {
  const X509Ptr x509(PEM_read_bio_X509(MemoryBio(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!x509) return base::InvalidArgument("no certificate");
  const std::optional<int64_t> begin = SecondsOf(X509_get0_notBefore(x509.get()));
  const std::optional<int64_t> end = SecondsOf(X509_get0_notAfter(x509.get()));
  if (!begin || !end) return base::InvalidArgument("a certificate without its times");
  return Lifetime{*begin, *end};
}

bool BelongTogether(const std::string& certificate, const std::string& key) {
  const X509Ptr x509(PEM_read_bio_X509(MemoryBio(certificate).get(), nullptr, nullptr, nullptr));
  const KeyPtr own(PEM_read_bio_PrivateKey(MemoryBio(key).get(), nullptr, nullptr, nullptr));
  const bool together = x509 && own && X509_check_private_key(x509.get(), own.get()) == 1;
  ERR_clear_error();
  return together;
}

bool ServesFor(const std::string& certificate, const std::vector<std::string>& names) {
  const X509Ptr x509(PEM_read_bio_X509(MemoryBio(certificate).get(), nullptr, nullptr, nullptr));
  bool all = x509 != nullptr;
  for (const std::string& name : names) {
    all = all && (IsAddress(name)
                      ? X509_check_ip_asc(x509.get(), name.c_str(), 0)
                      : X509_check_host(x509.get(), name.c_str(), name.size(), 0, nullptr)) == 1;
  }
  ERR_clear_error();
  return all;
}

bool IsAddress(const std::string& name) { return base::IpAddress::Parse(name).has_value(); }

Result<std::string> AlternativeNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!IsPlain(name)) return base::InvalidArgument("'{}' is no name for a certificate", name);
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", IsAddress(name) ? "IP" : "DNS", name);
  }
  return out;
}

}  // namespace keelson::certificate
