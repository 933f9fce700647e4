// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <memory>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::cluster {
namespace {

using json::Value;

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Free<X509_REQ, X509_REQ_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509, X509_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

CertificatePtr ReadCertificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return CertificatePtr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

bool AddName(X509_NAME* subject, const char* field, const std::string& text) {
  return X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

}  // namespace

base::Result<KeyAndRequest> MakeNodeRequest(const std::string& name) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const RequestPtr request(X509_REQ_new());
  if (!key || !request) return base::Internal("openssl makes no key");
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  if (!AddName(subject, "O", "system:nodes") || !AddName(subject, "CN", "system:node:" + name) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0)
    return base::Internal("openssl makes no certificate request");
  const BioPtr key_text(BIO_new(BIO_s_mem())), request_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1 ||
      PEM_write_bio_X509_REQ(request_text.get(), request.get()) != 1)
    return base::Internal("openssl writes no certificate request");
  return KeyAndRequest{TextOf(key_text.get()), TextOf(request_text.get())};
}

base::Result<std::string> HashOfAuthority(const std::string& pem) {
  const CertificatePtr certificate = ReadCertificate(pem);
  if (!certificate) return base::InvalidArgument("the cluster's authority is no certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return base::Internal("the authority's key cannot be read");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<size_t>(size), digest);
  OPENSSL_free(der);
  return "sha256:" + base::HexEncode({reinterpret_cast<const char*>(digest), sizeof digest});
}

int64_t EndOfCertificate(const std::string& pem) {
  const CertificatePtr certificate = ReadCertificate(pem);
  tm end{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) return 0;
  return timegm(&end);
}

base::Result<std::string> MakeToken() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";  // 32: no bias
  unsigned char random[22];
  if (getrandom(random, sizeof random, 0) != sizeof random)
    return base::Error::FromErrno(errno, "getrandom");
  std::string token;
  for (size_t i = 0; i < sizeof random; ++i) {
    if (i == 6) token += '.';
    token += kLetters[random[i] % kLetters.size()];
  }
  return token;
}

bool IsToken(const std::string& text) {
  if (text.size() != 23 || text[6] != '.') return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (i != 6 && !(std::islower(static_cast<unsigned char>(text[i])) != 0 ||
                    std::isdigit(static_cast<unsigned char>(text[i])) != 0))
      return false;
  return true;
}

std::string FormatKubeconfig(const std::string& server, const std::string& authority,
                             const std::string& user, const std::string& certificate,
                             const std::string& key) {
  Value cluster =
      Value::Object({{"server", Value(server)},
                     {"certificate-authority-data", Value(base::Base64Encode(authority))}});
  Value who = Value::Object();
  if (!certificate.empty()) {
    who.Set("client-certificate-data", Value(base::Base64Encode(certificate)));
    who.Set("client-key-data", Value(base::Base64Encode(key)));
  }
  Value context = Value::Object({{"cluster", Value("keelson")}, {"user", Value(user)}});
  Value config = Value::Object({{"apiVersion", Value("v1")}, {"kind", Value("Config")}});
  config.Set(
      "clusters",
      Value::Array({Value::Object({{"name", Value("keelson")}, {"cluster", std::move(cluster)}})}));
  config.Set("users", Value::Array({Value::Object({{"name", Value(user)}, {"user", who}})}));
  config.Set(
      "contexts",
      Value::Array({Value::Object({{"name", Value("keelson")}, {"context", std::move(context)}})}));
  config.Set("current-context", Value("keelson"));
  return json::WriteJson(config) + "\n";
}

base::Result<Identity> AskForIdentity(Api& api, const std::string& name) {
  constexpr char kPath[] = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  ASSIGN_OR_RETURN(const KeyAndRequest made, MakeNodeRequest(name));
  Value spec =
      Value::Object({{"request", Value(base::Base64Encode(made.request))},
                     {"signerName", Value("kubernetes.io/kube-apiserver-client-kubelet")},
                     {"usages", Value::Array({Value("digital signature"), Value("client auth")})}});
  Value object = Value::Object({{"apiVersion", Value("certificates.k8s.io/v1")},
                                {"kind", Value("CertificateSigningRequest")},
                                {"metadata", Value::Object({{"generateName", Value("node-csr-")}})},
                                {"spec", std::move(spec)}});
  const auto asked = api.Need("POST", kPath, object);
  if (!asked.ok()) {
    if (asked.error().code() == base::Code::kUnauthenticated)
      return base::Unauthenticated("the token is not known to the cluster, or its time is over");
    return asked.error().WithContext("ask for the node's certificate");
  }
  Identity identity{.key = made.key, .certificate = ""};
  const base::Status signed_status = api.Await(
      kPath, asked->At({"metadata", "name"}).AsString(), std::chrono::seconds(60),
      [&](const Value& csr) {
        const auto text = base::Base64Decode(csr.At({"status", "certificate"}).AsString());
        if (text) identity.certificate = *text;
        return text && !text->empty();
      });
  if (!signed_status.ok())
    return signed_status.error().WithContext("wait until the cluster signs the node's certificate");
  return identity;
}

}  // namespace keelson::cluster
