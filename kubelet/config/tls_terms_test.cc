// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/tls_terms.h"

#include <gtest/gtest.h>

namespace keelson::config {
namespace {

TEST(TlsTermsTest, SayWhatIsSpoken) {
  struct Case {
    std::string version;
    std::vector<std::string> suites;
    bool only_1_3;
    std::string ciphers;
  };
  const Case cases[] = {
      {"", {}, false, ""},
      {"VersionTLS10", {}, false, ""},
      {"VersionTLS12", {}, false, ""},
      {"VersionTLS13", {}, true, ""},
      {"", {"TLS_AES_128_GCM_SHA256"}, true, ""},
      {"",
       {"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"},
       false,
       "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"},
  };
  for (const Case& c : cases) {
    const auto terms = TermsOf(c.version, c.suites);
    ASSERT_TRUE(terms.ok()) << terms.error().message();
    EXPECT_EQ(terms->only_1_3, c.only_1_3) << c.version;
    EXPECT_EQ(terms->ciphers, c.ciphers);
  }
}

TEST(TlsTermsTest, WhatIsUnknownOrBrokenIsRefused) {
  EXPECT_FALSE(TermsOf("1.2", {}).ok());
  EXPECT_FALSE(TermsOf("", {"TLS_RSA_WITH_RC4_128_SHA"}).ok());
  EXPECT_FALSE(TermsOf("", {"TLS_RSA_WITH_3DES_EDE_CBC_SHA"}).ok());
  EXPECT_FALSE(TermsOf("", {"HIGH"}).ok());
}

}  // namespace
}  // namespace keelson::config
