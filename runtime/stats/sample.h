// SPDX-License-Identifier: Apache-2.0
// What was measured at a moment: plain data that never changes once it is made, so that readers
// share it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/kernel/cgroup/usage.h"
#include "runtime/stats/disk_usage.h"
#include "runtime/stats/links.h"
#include "runtime/stats/processes.h"
#include "runtime/stats/targets.h"

namespace keelson::stats {

// Who wants what: pods cost a group and a namespace each besides their containers, metrics every
// file that a group has.
struct Scope {
  bool pods = false;
  bool everything = false;
};

struct ContainerSample {
  ContainerTargetPtr target;
  std::optional<cgroup::Usage> usage;  // none: the group could not be read
  std::optional<uint64_t> nano_cores;  // from two readings and their own times
  std::optional<DiskUsage> disk;
  std::optional<ProcessFigures> processes;  // only of everything
  std::string message;                      // cri::ContainerStats, serialised
};
using ContainerSamplePtr = std::shared_ptr<const ContainerSample>;

struct PodSample {
  PodTargetPtr target;
  std::optional<cgroup::Usage> usage;  // none: not there, or shared with other pods
  std::optional<uint64_t> nano_cores;
  std::vector<Link> links;
  int64_t links_at = 0;  // 0: not measured
  std::vector<ContainerSamplePtr> containers;
  std::string message;  // cri::PodSandboxStats, serialised
};
using PodSamplePtr = std::shared_ptr<const PodSample>;

struct Snapshot {
  uint64_t generation = 0;
  Scope scope;
  base::SteadyTime taken;                      // of its last whole round
  std::vector<ContainerSamplePtr> containers;  // by id
  std::vector<PodSamplePtr> pods;              // by id; empty without Scope::pods
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace keelson::stats
