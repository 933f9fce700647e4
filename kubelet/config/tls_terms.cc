// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/tls_terms.h"

#include <algorithm>
#include <iterator>

namespace keelson::config {
namespace {

struct Suite {
  const char* name;
  const char* openssl;  // empty: of TLS 1.3
};
constexpr Suite kSuites[] = {
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
    {"TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"},
    {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
};

}  // namespace

base::Result<TlsTerms> TermsOf(const std::string& least_version,
                               const std::vector<std::string>& suites) {
  TlsTerms terms;
  constexpr const char* kVersions[] = {"", "VersionTLS10", "VersionTLS11", "VersionTLS12"};
  terms.only_1_3 = least_version == "VersionTLS13";
  if (!terms.only_1_3 &&
      std::find(std::begin(kVersions), std::end(kVersions), least_version) == std::end(kVersions)) {
    return base::InvalidArgument(
        "unknown TLS version \"{}\": expected VersionTLS10, VersionTLS11, VersionTLS12 or "
        "VersionTLS13",
        least_version);
  }
  for (const std::string& suite : suites) {
    const auto* known = std::find_if(std::begin(kSuites), std::end(kSuites),
                                     [&](const Suite& one) { return suite == one.name; });
    if (known == std::end(kSuites)) {
      return base::InvalidArgument(
          "cipher suite {} is not supported: it does not exist or is not safe any more", suite);
    }
    if (*known->openssl == 0) continue;
    terms.ciphers += (terms.ciphers.empty() ? "" : ":") + std::string(known->openssl);
  }
  if (!suites.empty() && terms.ciphers.empty()) terms.only_1_3 = true;
  return terms;
}

}  // namespace keelson::config
