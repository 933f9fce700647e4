// SPDX-License-Identifier: Apache-2.0
// The node's pod cgroups on the kernel, v1 and v2: a root with two tiers, a group per pod. Calls
// block briefly; one caller at a time. Owns everything below `root`; another node agent on the
// machine uses another root.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "kubelet/cgroup/resources.h"
#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::node_cgroup {

class PodCgroups {
 public:
  // Makes root, root/burstable and root/besteffort; limits root to the allocatable memory. `pids`
  // is the most that a pod may have, -1: no limit.
  static base::Result<std::unique_ptr<PodCgroups>> Create(const std::string& root,
                                                          const NodeCapacity& allocatable,
                                                          int64_t pids = -1,
                                                          const CpuQuota& cpu = {});
  // Makes or updates the group; returns the path to hand to the runtime as cgroup_parent.
  base::Result<std::string> Ensure(const kube::Pod& pod);
  // Of any tier; kills what still lives in it. Absent is success.
  base::Status Remove(const std::string& pod_uid);
  base::Result<std::set<std::string>> PodsOnNode() const;  // uids that have a group
  // The burstable tier's shares: the sum of its pods' CPU requests.
  base::Status SetBurstableShares(int64_t milli_cpu);
  base::Status RemoveAll();  // a node that is taken down

 private:
  PodCgroups(cgroup::Layout layout, std::string root, NodeCapacity node, int64_t pids,
             const CpuQuota& cpu)
      : layout_(std::move(layout)),
        root_(std::move(root)),
        node_(std::move(node)),
        pids_(pids),
        cpu_(cpu) {}
  const cgroup::Layout layout_;
  const std::string root_;
  const NodeCapacity node_;
  const int64_t pids_;
  const CpuQuota cpu_;
};

}  // namespace keelson::node_cgroup
