// SPDX-License-Identifier: Apache-2.0
// What a pod may be told about itself: the values of fieldRef and resourceFieldRef, in its
// environment and its volumes. Pure.
#pragma once

#include <string>
#include <vector>

#include "kubelet/cgroup/resources.h"
#include "kubelet/volume/volumes.h"
#include "lib/kube/pod.h"

namespace keelson::pod {

struct NodeNames {
  std::string node_name;
  std::vector<std::string> host_ips;
};
volume::DownwardValues DownwardOf(const kube::Pod& pod, const NodeNames& node,
                                  const std::vector<std::string>& pod_ips,
                                  const node_cgroup::NodeCapacity& allocatable);

}  // namespace keelson::pod
