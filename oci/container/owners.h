// SPDX-License-Identifier: Apache-2.0
// Mounts whose owners are shown through mappings of their own: a user namespace is made for each,
// which nobody lives in. Blocking, one thread. Source: mount_setattr(2), runtime-spec
// config.md#mounts (uidMappings, idmap, ridmap).
#pragma once

#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

// The descriptors that `spec`'s mounts name from now on; `spec` was made from `config`.
base::Result<std::vector<os::UniqueFd>> MakeOwners(const Config& config, spec::ContainerSpec& spec);

}  // namespace keelson::oci
