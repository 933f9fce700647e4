// SPDX-License-Identifier: Apache-2.0
// What this machine is to its pods: name, addresses, CPUs and memory. Reads the kernel, changes
// nothing.
#pragma once

#include <string>
#include <vector>

#include "kubelet/cgroup/resources.h"
#include "lib/base/result.h"
#include "lib/kube/quantity.h"

namespace keelson::node {

std::string NodeName();  // the host's name in lower case
// The node's own addresses, the one that leads outside first; `chosen`: an address that an operator
// named. Never loopback if there is another.
std::vector<std::string> NodeAddresses(const std::string& chosen);
base::Result<node_cgroup::NodeCapacity> Capacity();
// Capacity without what is set aside; pods: the smaller of the two limits that are set.
node_cgroup::NodeCapacity Allocatable(const node_cgroup::NodeCapacity& capacity,
                                      const kube::ResourceList& system_reserved,
                                      const kube::ResourceList& kube_reserved, int64_t max_pods,
                                      int64_t pods_per_core);

}  // namespace keelson::node
