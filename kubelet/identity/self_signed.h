// SPDX-License-Identifier: Apache-2.0
// A serving certificate that the node makes itself, for as long as no authority has signed one.
// Plain data; making a key takes about a millisecond. Source: RFC 5280.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::identity {

struct KeyPair {
  std::string certificate;  // PEM
  std::string key;
};

// P-256, for serving, from an hour before `now` (seconds since the epoch) for a year. `names` are
// host names and addresses; the first is the subject's.
base::Result<KeyPair> MakeSelfSigned(const std::vector<std::string>& names, int64_t now);

// What is left of one when another is made.
inline constexpr int64_t kRenewedBeforeEnd = 24 * 3600;  // seconds

struct SelfSignedPaths {
  std::string certificate, key;
};
SelfSignedPaths SelfSignedIn(const std::string& directory);

// `<directory>/kubelet.crt` and `kubelet.key` (0600): read if they belong together and are good
// for another day, else made anew; what is damaged of them is put aside and named.
base::Result<KeyPair> OpenSelfSigned(const std::string& directory,
                                     const std::vector<std::string>& names, int64_t now);

}  // namespace keelson::identity
