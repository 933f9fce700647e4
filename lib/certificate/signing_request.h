// SPDX-License-Identifier: Apache-2.0
// What a node asks an authority to sign, and how long what it signed is good. Plain data; making a
// key takes about a millisecond. Source: RFC 2986, RFC 5280.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace keelson::certificate {

struct SigningRequest {
  std::string request;  // PEM
  std::string key;      // PEM, of its own: P-256
};
// CN=system:node:NAME, O=system:nodes: by which an API server knows a node.
base::Result<SigningRequest> RequestAsNode(const std::string& node);

struct Lifetime {
  int64_t begin = 0, end = 0;  // seconds since the epoch
};
// Of the first certificate of `pem`.
base::Result<Lifetime> LifetimeOf(const std::string& pem);

// Whether the key is the certificate's.
bool BelongTogether(const std::string& certificate, const std::string& key);

}  // namespace keelson::certificate
