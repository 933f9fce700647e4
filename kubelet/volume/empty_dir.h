// SPDX-License-Identifier: Apache-2.0
// emptyDir volumes: a directory on the node's disk, memory or huge pages, everyone's to write (mode
// 0777), with fsGroup the group's. Sizes are pure; making acts on the caller's mount namespace.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

struct EmptyDirPlan {
  enum class Medium { kDisk, kMemory, kHugePages } medium = Medium::kDisk;
  uint64_t bytes = 0;       // of memory or huge pages; 0: the kernel's default
  uint64_t page_bytes = 0;  // of huge pages
};
// Memory is bounded by the size limit or by what the containers may use, whichever is less.
base::Result<EmptyDirPlan> PlanEmptyDir(const kube::EmptyDirVolume& volume, const kube::Pod& pod);
// Safe to repeat; what is in it stays.
base::Status MakeEmptyDir(const std::string& directory, const EmptyDirPlan& plan,
                          std::optional<gid_t> group);

}  // namespace keelson::volume
