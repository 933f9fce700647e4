// SPDX-License-Identifier: Apache-2.0
// linux.seccomp as the program that a process installs. Blocks for milliseconds. Source:
// runtime-spec config-linux.md#seccomp.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

// `root`: where containers are kept track of, and what was compiled before.
// With SCMP_ACT_NOTIFY `agent` becomes the connection to listenerPath, which the process names
// then.
base::Status CompileSeccomp(const std::string& root, const Config& config, spec::Process& process,
                            os::UniqueFd& agent);
// What the listener is told (ContainerProcessState); empty: there is none.
std::string ListenerText(const Config& config, pid_t process, const std::string& state);

}  // namespace keelson::oci
