// SPDX-License-Identifier: Apache-2.0
// Pods for tests of this folder, in namespaces of lib/kernel/netlink/testing.
#pragma once

#include <string>

#include "lib/kernel/netlink/testing/namespaces.h"
#include "runtime/network/network.h"

namespace keelson::network {

using netlink::InFreshHost;
using netlink::InNamespace;
using netlink::Listen;
using netlink::OpenSocket;
using netlink::Reaches;
using netlink::Say;
using netlink::SeenFrom;
using netlink::SocketAddress;

inline PodRequest Pod(const std::string& id, int netns) {
  PodRequest request;
  request.sandbox_id = id;
  request.netns = netns;
  request.name = id.substr(0, 1);
  request.name_space = "default";
  return request;
}

}  // namespace keelson::network
