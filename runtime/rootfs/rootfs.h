// SPDX-License-Identifier: Apache-2.0
// Puts a container's root together inside a private mount namespace and makes it "/". Two halves,
// because a procfs belongs to the PID namespace of whoever mounts it: Assemble() runs before the
// container's first process exists and ends with pivot_root(2), so that no process a container can
// see ever had the host's tree; Finish() runs in that first process and adds procfs, cgroupfs and
// everything on top of them. Targets are found with os::RootedDir only and mounted by descriptor.
// One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/shared_marks.h"
#include "lib/os/unique_fd.h"
#include "runtime/spec/container_spec.h"

namespace keelson::rootfs {

// Which mounts wait for Finish(): procfs and cgroupfs themselves (in a user namespace mqueue too)
// and whatever lies below one of them. Pure; indices into `mounts`.
std::vector<size_t> DeferredMounts(const std::vector<spec::Mount>& mounts,
                                   bool user_namespace = false);

struct Inputs {
  std::vector<int> volume_fds;  // by spec::Mount::source_fd
  std::string shm_path;         // the pod's /dev/shm in this mount namespace
  std::string staging;          // an empty directory of this mount namespace
  int user = -1;                // the pod's user namespace
  spec::UserMapping users;      // with `user`
  const os::SharedMarks* marks = nullptr;
  // Of a container without a pod: Assemble() leaves the root on `staging`, Finish() enters it,
  // after `before_pivot`, when all mounts are there.
  bool late_pivot = false;
  std::function<base::Status()> before_pivot = {};
  // Devices are the host's where none can be made; proc and sysfs go on ordinary directories only.
  // All mounts are Finish()'s, in the order in which they are listed, then `mounted` is called.
  bool freestanding = false;
  std::function<base::Status()> mounted = {};
  // By Assemble(), when Finish() no longer sees the host's tree: binds' sources by their index, -1.
  std::vector<int> opened = {};
};
// With a user namespace the two halves are parted otherwise: Assemble() makes everything whose
// owners must be mapped, and leaves the root where RootPath() says; Finish(), in a mount namespace
// that belongs to the user namespace, pivots into it. A procfs is only to be had there while
// another one can be seen, and what came along from the other namespace can't be taken apart.
std::string RootPath(const Inputs& inputs);  // between the two
// Parts of Assemble() for who puts a root together otherwise: the image's overlay at an empty
// directory of this mount namespace, and one mount's detached source.
base::Status MountImage(const spec::ContainerSpec& spec, const Inputs& inputs,
                        const std::string& at);
base::Result<os::UniqueFd> OpenSource(const spec::ContainerSpec& spec, const Inputs& inputs,
                                      const spec::Mount& item);
base::Status Assemble(const spec::ContainerSpec& spec, Inputs& inputs);
base::Status Finish(const spec::ContainerSpec& spec, const Inputs& inputs);

}  // namespace keelson::rootfs
