// SPDX-License-Identifier: Apache-2.0
// What routes need of a Node object: where its pods are and where it is itself. Read once from the
// API's JSON; what is no address or no block is left out. Pure, any thread. Source: core/v1 Node;
// flannel's annotations, so that its nodes and ours reach one another over VXLAN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/json/value.h"
#include "lib/kernel/netlink/mac.h"

namespace keelson::proxy {

struct ClusterNode {
  std::string name;
  std::vector<base::IpBlock> pods;         // podCIDRs
  std::vector<base::IpAddress> addresses;  // InternalIPs
  // Of its VXLAN device by family, where an annotation says so; else it follows from the name.
  std::optional<netlink::Mac> mac, mac6;
  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};
ClusterNode ReadClusterNode(const json::Value& object);

}  // namespace keelson::proxy
