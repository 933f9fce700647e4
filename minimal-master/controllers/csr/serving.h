// SPDX-License-Identifier: Apache-2.0
// Whether a node may have the serving certificate it asks for with nobody looking at it. A node
// writes its own addresses, so that they are not enough: what it names must be nobody else's
// either. Pure, any thread. Upstream leaves all of it to people (kubernetes.io/docs/reference/
// access-authn-authz/kubelet-tls-bootstrapping).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "minimal-master/pki/certificate.h"

namespace keelson::controllers::csr {

// What no node may be named by.
struct Reserved {
  std::vector<std::string> dns;       // the API server's
  std::vector<std::string> ips;       // the API server's
  std::vector<std::string> networks;  // of services and pods, "10.43.0.0/16"
};

// A request for kubelet-serving of which nothing has become yet.
bool AwaitsServing(const json::Value& csr);
// OK: its sender is the node it names, each of its DNS names is the Node's name, each of its
// addresses is one of the Node's, and none is loopback, reserved or another Node's. Else why not.
base::Status CheckServing(const json::Value& csr, const json::Value& node,
                          const std::vector<json::Value>& others, const Reserved& reserved);

}  // namespace keelson::controllers::csr
