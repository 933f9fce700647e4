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
// `huge_pages`: where the kernel shows its pools.
base::Result<node_cgroup::NodeCapacity> Capacity(
    const std::string& huge_pages = "/sys/kernel/mm/hugepages");
// Capacity without what is set aside; pods: the smaller of the two limits that are set.
node_cgroup::NodeCapacity Allocatable(const node_cgroup::NodeCapacity& capacity,
                                      const kube::ResourceList& system_reserved,
                                      const kube::ResourceList& kube_reserved, int64_t max_pods,
                                      int64_t pods_per_core);
// What is left of `memory` for ordinary pages: huge ones are taken off, whoever may have them.
int64_t WithoutHugePages(int64_t memory, const node_cgroup::NodeCapacity& capacity);

}  // namespace keelson::node
