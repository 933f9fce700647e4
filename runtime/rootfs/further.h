// SPDX-License-Identifier: Apache-2.0
// What a bundle's config.json can ask of a mount beyond what pods need: sources by path, any file
// system, attributes taken away, copies of what was there. For rootfs.cc alone; one thread, in the
// mount namespace in which the root is put together. Source: runtime-spec config.md#mounts.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/rooted_dir.h"
#include "lib/os/unique_fd.h"
#include "runtime/spec/container_spec.h"

namespace keelson::rootfs {

// The bundle's root with all that is mounted below it, at `at`, which may be the same place.
// A root that shall be a slave of the host's is not parted from it.
base::Status MountRoot(const std::string& path, const std::string& at,
                       const std::vector<uint64_t>& propagation);
// A bundle's own link at /proc or /sys would lead elsewhere what all that follows relies on.
// The way to a place that is not there yet, where links on it lead to nothing: without them, as the
// container would walk it.
base::Result<std::string> WithoutLinks(const os::RootedDir& root, const std::string& path);
// A read-only /dev is closed when everything in it is made.
base::Status CloseDev(const os::RootedDir& root, const std::vector<spec::Mount>& mounts);
// A tmpfs without a mode of its own takes that of the directory it covers.
spec::Mount WithMode(const os::RootedDir& root, spec::Mount item);
base::Status CheckOrdinary(const os::RootedDir& root, const spec::Mount& item);
base::Result<os::UniqueFd> OpenBind(const spec::Mount& item);
// The sources of all binds that name a path, by the mounts' index, -1 for others; kept open.
base::Result<std::vector<int>> OpenAhead(const spec::ContainerSpec& spec);
int OpenedAhead(const spec::ContainerSpec& spec, const std::vector<int>& opened,
                const spec::Mount& item);
// What the kernel shows as a file system's source; its options, with an SELinux label.
mount::Options SourceOf(const spec::Mount& item);
mount::Options OptionsOf(const spec::Mount& item, const std::string& label);
base::Result<os::UniqueFd> OpenOther(const spec::Mount& item, const std::string& label);
// Owners and attributes of a detached bind; what holds for everything below it.
base::Status Dress(int mount, const spec::Mount& item);
base::Status DressBelow(int mount, const spec::Mount& item);
base::Status SetPropagation(int mount, const spec::Mount& item);
// What `target`, an O_PATH descriptor, holds goes into the new tmpfs, which then gets its
// attributes.
base::Status CopyUp(int target, int tmpfs, const spec::Mount& item);
// Where no device can be made: the host's of that name, when it is the same.
base::Status BindDevice(const os::RootedDir& root, const spec::Device& device);

}  // namespace keelson::rootfs
