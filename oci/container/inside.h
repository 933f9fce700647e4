// SPDX-License-Identifier: Apache-2.0
// What a container's first process does of config.json once it is in its namespaces: names,
// sysctls, HOME. In that process, in its root. One thread.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

base::Status SetNames(const Config& config);
// `sys`: /proc/sys of the host's procfs, opened before the root was entered, where no mount of the
// container lies; the values written are those of the caller's namespaces.
base::Status SetSysctls(const Config& config, int sys);
// What a process of the container may have: all, where a user namespace stands between it and the
// host, else what the caller has.
base::Result<uint64_t> CapabilitiesInside(bool user_namespace);
// What the caller was confined to is not the container's: all processors of its cpuset.
void UseAllProcessors();
// HOME where the environment has none, from the image's passwd.
void AddHome(spec::Process& process);

}  // namespace keelson::oci
