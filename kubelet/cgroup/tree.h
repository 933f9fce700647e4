// SPDX-License-Identifier: Apache-2.0
// The two forms of a tree of groups: directories that we make (cgroupfs) and slices that systemd
// makes. A group is named by its parts from the root, {"kubepods", "burstable", "pod<uid>"}. Calls
// block briefly, with systemd until its answer or deadline. Any thread; of one group one caller at
// a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/systemd/units.h"

namespace keelson::node_cgroup {

using Parts = std::vector<std::string>;

class Tree {
 public:
  virtual ~Tree() = default;
  // In the kernel's tree, and what the runtime takes as cgroup_parent; parts that cannot be are
  // refused. Pure.
  virtual base::Result<std::string> PathOf(const Parts& parts) const = 0;
  // The last part of the group that a directory below `parent` is, if it is one of this tree. Pure.
  virtual std::optional<std::string> PartOf(const Parts& parent,
                                            const std::string& directory) const = 0;
  // Makes it where it is not; sets what `resources` names.
  virtual base::Status Ensure(const Parts& parts, const cgroup::Resources& resources) = 0;
  // With everything below it; kills what lives there. Absent is success.
  virtual base::Status Remove(const Parts& parts) = 0;
};

std::unique_ptr<Tree> MakeCgroupfsTree(cgroup::Layout layout);
// Of cgroup v2.
std::unique_ptr<Tree> MakeSystemdTree(cgroup::Layout layout, std::unique_ptr<systemd::Units> units);

// What systemd knows of these limits, as it is told them.
systemd::Properties SliceLimits(const cgroup::Resources& resources);

}  // namespace keelson::node_cgroup
