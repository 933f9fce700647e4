// SPDX-License-Identifier: Apache-2.0
// The cgroup driver: names the groups of pods and containers, makes and removes the pod's own.
// Calls may block for some seconds where a bus is asked. Any thread; of one pod one caller at a
// time.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/systemd/units.h"

namespace keelson::pod_group {

struct Pod {
  std::string sandbox_id;
  std::string parent;       // cgroup_parent as it was asked for; may be empty
  std::string description;  // for people
};

// While it lives the pod's group stays, though nobody may be in it.
class Hold {
 public:
  virtual ~Hold() = default;
};

class PodGroups {
 public:
  virtual ~PodGroups() = default;
  virtual std::string driver() const = 0;  // "cgroupfs", "systemd"
  // The absolute path of a group of the pod's; InvalidArgument: the parent is not of this driver's
  // form. Pure.
  virtual base::Result<std::string> PathOf(const std::string& parent, const std::string& sandbox_id,
                                           const std::string& name) const = 0;
  // The pod's own group and in it the one named by the sandbox's id, where the log process lives.
  // The hold is to be kept until that is there; may be null.
  virtual base::Result<std::unique_ptr<Hold>> Make(const Pod& pod) = 0;
  // Before a container is put into it: made again where it has gone. To be kept until the container
  // is there; may be null.
  virtual base::Result<std::unique_ptr<Hold>> Ensure(const Pod& pod) = 0;
  // Kills what is in it. Absent is success; with an unknown parent what the id names is removed.
  virtual base::Status Remove(const Pod& pod) = 0;
  // What no pod's is, when the node is taken down; nothing that others may use.
  virtual base::Status RemoveOwnRoot() = 0;
};

std::unique_ptr<PodGroups> MakeCgroupfsGroups(cgroup::Layout layout);

// `hold_program` is keelson-hold. Refuses on cgroup v1. `units` must outlive it.
base::Result<std::unique_ptr<PodGroups>> MakeSystemdGroups(cgroup::Layout layout,
                                                           systemd::Units& units,
                                                           std::string hold_program);

}  // namespace keelson::pod_group
