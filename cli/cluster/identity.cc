// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/identity.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/random.h>

#include <algorithm>
#include <cctype>

#include "lib/base/strings.h"
#include "lib/certificate/openssl.h"
#include "lib/certificate/signing_request.h"
#include "lib/hash/sha256.h"
#include "lib/json/value.h"

namespace keelson::cluster {
using json::Value;

base::Result<std::string> HashOfAuthority(const std::string& pem) {
  const certificate::X509Ptr x509(
      PEM_read_bio_X509(certificate::MemoryBio(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!x509) return base::InvalidArgument("the cluster's authority is no certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509.get()), &der);
  if (size <= 0) return base::Internal("the authority's key cannot be read");
  const std::string sum =
      hash::Sha256HexOf({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return "sha256:" + sum;
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
                             const std::string& user, const std::string& certificate) {
  Value cluster =
      Value::Object({{"server", Value(server)},
                     {"certificate-authority-data", Value(base::Base64Encode(authority))}});
  Value who = Value::Object();
  if (!certificate.empty()) {
    who.Set("client-certificate", Value(certificate));
    who.Set("client-key", Value(certificate));
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
  ASSIGN_OR_RETURN(const certificate::SigningRequest made, certificate::RequestAsNode(name));
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
