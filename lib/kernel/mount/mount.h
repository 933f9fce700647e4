// SPDX-License-Identifier: Apache-2.0
// Mounts by descriptor: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2). A
// detached mount lives in its descriptor and vanishes with it; nothing here leaves a trace on the
// host unless it is attached. Thin: one call, one named error. Any thread; the attach functions act
// on the caller's mount namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::mount {

// A new file system instance. `options` are fsconfig strings ({"mode", "755"}) or flags
// ({"newinstance", ""}).
using Options = std::vector<std::pair<std::string, std::string>>;
base::Result<os::UniqueFd> NewFilesystem(const std::string& type, const Options& options,
                                         uint64_t attributes);
// "mode=755,size=65536k" → pairs.
Options ParseOptions(std::string_view text);

// A detached copy of what is mounted or found at `path`; with `recursive` of everything below it
// too. Not of a detached mount (kernels before 6.15 refuse that).
base::Result<os::UniqueFd> CloneTree(int dir, const std::string& path, bool recursive);
// `target`: an O_PATH descriptor of the mount point. Both by descriptor: no path of the container
// is walked.
base::Status Attach(int mount, int target);

// `propagation`: MS_PRIVATE, MS_SLAVE, MS_SHARED or 0 to leave it.
base::Status SetAttributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation,
                           bool recursive);
// Owners as the user namespace shows them: a detached mount, not mapped before, of a file system
// that can (EINVAL else).
base::Status MapOwners(int mount, int user_namespace, bool recursive = false);
// For what fsopen(2) cannot be told: mount(2) on an O_PATH descriptor of the mount point. `flags`
// are MS_*; `data` one page at most.
base::Status MountOn(int target, const std::string& type, const std::string& source, uint64_t flags,
                     const std::string& data);
// Every mount of the caller's namespace becomes private.
base::Status MakeAllPrivate();

struct OverlayLayers {
  std::vector<std::string> lower;  // absolute, top first
  std::string upper;               // empty: read-only overlay
  std::string work;
  std::string context = {};  // SELinux label of everything in it
};
// Detached where the kernel and the lengths allow it (`lowerdir+`, or strings below 256 bytes),
// otherwise mounted on `staging` (a private directory of the caller's) with mount(2); the result is
// what Attach() or pivot_root(2) wants: a descriptor of the root of the overlay, and whether it
// sits attached on `staging`.
struct Overlay {
  os::UniqueFd root;
  bool attached = false;
};
base::Result<Overlay> MountOverlay(const OverlayLayers& layers, const std::string& staging);

// A file through a mount of its own that nobody can write by. For our programs: a container with
// the right to look into every process could keep the file of one that enters it (/proc/PID/exe)
// and write to it once nobody runs it (CVE-2019-5736). Needs CAP_SYS_ADMIN.
base::Result<os::UniqueFd> OpenReadOnly(const std::string& path);

}  // namespace keelson::mount
