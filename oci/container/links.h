// SPDX-License-Identifier: Apache-2.0
// Network devices of the host that become the container's: linux.netDevices. In the caller, when
// the container's first process is there and before any hook. They go back to the host, or are
// gone, with the container's network namespace: that is the kernel's doing. Blocking. Source:
// runtime-spec 1.3, config-linux.md#network-devices.
#pragma once

#include <sys/types.h>

#include <vector>

#include "lib/base/result.h"
#include "oci/config/config.h"

namespace keelson::oci {

// With their permanent addresses of global scope, and up, whatever they were before.
base::Status MoveLinks(const std::vector<NetDevice>& devices, pid_t process);

}  // namespace keelson::oci
