// SPDX-License-Identifier: Apache-2.0
// Where a request that a node answers is to go, or why it goes nowhere, in upstream's words. Pure
// but for the objects it looks up; any thread. Source: k8s.io/kubernetes, pkg/registry/core (pod,
// service and node strategies) and pkg/kubelet/client (1.35).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lib/http/service/message.h"
#include "lib/json/value.h"
#include "minimal-master/auth/attributes.h"
#include "minimal-master/status/failure.h"

namespace keelson::node {

struct Location {
  enum class Kind {
    kNothing,  // of a pod without a node there is no log: an empty answer
    kLog,
    kStream,  // exec, attach, portforward
    kProxy,
  };
  Kind kind = Kind::kNothing;
  bool kubelet = false;  // it is shown our certificate
  bool tls = false;
  std::string host;
  std::string port;  // a number, or "http" and the like, which nobody resolves
  std::string target;
};

struct World {
  // An object by its key in the store, null when it is not there.
  std::function<json::Value(const std::string& key)> find;
  // Whether requests of clients may be brought to this address. Loopback is the master itself.
  std::function<bool(const std::string& address)> may_proxy;
  std::function<size_t(size_t bound)> choose;  // among a service's endpoints
};

// `attributes` name a subresource that IsOfNodes().
status::Or<Location> Locate(const auth::Attributes& attributes, const service::Request& request,
                            const World& world);
bool IsOfNodes(const auth::Attributes& attributes);

// Neither loopback nor link-local, multicast or unspecified; an address as text.
bool IsGlobalUnicast(const std::string& address);

}  // namespace keelson::node
