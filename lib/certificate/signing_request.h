// SPDX-License-Identifier: Apache-2.0
// What a node asks an authority to sign, and how long what it signed is good. Plain data; making a
// key takes about a millisecond. Source: RFC 2986, RFC 5280.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::certificate {

struct SigningRequest {
  std::string request;  // PEM
  std::string key;      // PEM, of its own: P-256
};
// CN=system:node:NAME, O=system:nodes: by which an API server knows a node. `names` are what the
// certificate is to serve for, host names and addresses; none of a client.
base::Result<SigningRequest> RequestAsNode(const std::string& node,
                                           const std::vector<std::string>& names = {});

struct Lifetime {
  int64_t begin = 0, end = 0;  // seconds since the epoch
};
// Of the first certificate of `pem`.
base::Result<Lifetime> LifetimeOf(const std::string& pem);

// Whether the key is the certificate's.
bool BelongTogether(const std::string& certificate, const std::string& key);

// Whether the certificate may serve for every one of `names`, host names and addresses.
bool ServesFor(const std::string& certificate, const std::vector<std::string>& names);

bool IsAddress(const std::string& name);
// As OpenSSL's lists have them: "DNS:a,IP:192.0.2.1". Refuses names that would be more than one.
base::Result<std::string> AlternativeNames(const std::vector<std::string>& names);

}  // namespace keelson::certificate
