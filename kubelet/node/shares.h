// SPDX-License-Identifier: Apache-2.0
// How the machine is shared out by the configuration. Reads the kernel, changes nothing.
#pragma once

#include <string>

#include "kubelet/cgroup/resources.h"
#include "kubelet/config/config.h"
#include "lib/base/result.h"

namespace keelson::node {

struct Shares {
  node_cgroup::NodeCapacity capacity;     // what the machine has
  node_cgroup::NodeCapacity limits;       // what the pods' cgroup may take
  node_cgroup::NodeCapacity allocatable;  // what pods are promised together: some is left free
};
// `root_dir`: on the disk that pods write to; it is there.
base::Result<Shares> SharesOf(const config::KubeletConfig& config, const std::string& root_dir);

}  // namespace keelson::node
