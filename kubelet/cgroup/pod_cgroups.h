// SPDX-License-Identifier: Apache-2.0
// The node's pod cgroups on the kernel, v1 and v2: a root with two tiers, a group per pod, made by
// the driver that the runtime uses. Calls block briefly; any thread, of one pod one caller at a
// time. Owns everything below `root`; another node agent on the machine uses another root.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "kubelet/cgroup/resources.h"
#include "kubelet/cgroup/tree.h"
#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::node_cgroup {

enum class Driver { kCgroupfs, kSystemd };
// Asks the runtime. Unavailable: it does not answer yet, everything is tried again later.
using DriverSource = std::function<base::Result<Driver>()>;

class PodCgroups {
 public:
  // Makes root, root/burstable and root/besteffort, as soon as the driver is known (none to ask:
  // cgroupfs); limits root to the allocatable memory. `pids` is the most that a pod may have, -1:
  // no limit.
  static base::Result<std::unique_ptr<PodCgroups>> Create(const std::string& root,
                                                          const NodeCapacity& allocatable,
                                                          int64_t pids = -1,
                                                          const CpuQuota& cpu = {},
                                                          DriverSource driver = {});
  // Makes or updates the group; returns the path to hand to the runtime as cgroup_parent.
  base::Result<std::string> Ensure(const kube::Pod& pod);
  // Of any tier; kills what still lives in it. Absent is success.
  base::Status Remove(const std::string& pod_uid);
  base::Result<std::set<std::string>> PodsOnNode();  // uids that have a group
  // The burstable tier's shares: the sum of its pods' CPU requests.
  base::Status SetBurstableShares(int64_t milli_cpu);
  // Bytes of memory that all pods together use, without what the kernel can drop at once.
  base::Result<int64_t> WorkingSet();
  base::Status RemoveAll();  // a node that is taken down
  // The same when no runtime can be asked: what either driver has left.
  static base::Status RemoveLeftovers(const std::string& root);

 private:
  PodCgroups(cgroup::Layout layout, Parts root, NodeCapacity node, int64_t pids,
             const CpuQuota& cpu, DriverSource driver)
      : layout_(std::move(layout)),
        root_(std::move(root)),
        node_(std::move(node)),
        pids_(pids),
        cpu_(cpu),
        driver_(std::move(driver)) {}
  base::Result<Tree*> Opened();
  Parts Below(const std::vector<std::string>& parts) const;

  const cgroup::Layout layout_;
  const Parts root_;
  const NodeCapacity node_;
  const int64_t pids_;
  const CpuQuota cpu_;
  const DriverSource driver_;
  std::mutex mutex_;
  std::unique_ptr<Tree> tree_;  // guarded by mutex_; once there it stays
};

}  // namespace keelson::node_cgroup
