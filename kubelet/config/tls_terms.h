// SPDX-License-Identifier: Apache-2.0
// tlsMinVersion and tlsCipherSuites of a KubeletConfiguration as what a server is told. Pure.
// Source: k8s.io/component-base/cli/flag (1.35), crypto/tls, openssl-ciphers(1).
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::config {

struct TlsTerms {
  bool only_1_3 = false;
  std::string ciphers;  // of TLS 1.2, as OpenSSL names them; empty: the server's choice
};
// Nothing below TLS 1.2 is spoken, also where VersionTLS10 or VersionTLS11 would allow it. TLS 1.3
// has its own three suites, which cannot be chosen; where no other is named only 1.3 is spoken.
// Refuses versions and suites that nobody knows, and those that are broken (RC4, 3DES).
base::Result<TlsTerms> TermsOf(const std::string& least_version,
                               const std::vector<std::string>& suites);

}  // namespace keelson::config
