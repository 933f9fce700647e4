// SPDX-License-Identifier: Apache-2.0
// Words of mounts[].options as what the kernel is asked for. Pure, any thread. Source: runtime-spec
// config.md#linux-mount-options, mount(8).
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

// `base`: what relative sources are meant from. An id mapping of its own is left to the caller.
base::Result<spec::Mount> ToMount(const MountEntry& entry, const std::string& base);
struct OwnersWish {
  bool wanted = false;
  bool recursive = false;
};
OwnersWish OwnersOf(const MountEntry& entry);
std::vector<std::string> KnownMountOptions();  // for `features`, sorted
// MS_* | MS_REC of "rslave" and its like; 0: no such word.
uint64_t PropagationOf(std::string_view word);

}  // namespace keelson::oci
