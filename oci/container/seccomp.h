// SPDX-License-Identifier: Apache-2.0
// linux.seccomp as the program that a process installs. Blocks for milliseconds. Source:
// runtime-spec config-linux.md#seccomp.
#pragma once

#include "lib/base/result.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

base::Status CompileSeccomp(const Config& config, spec::Process& process);

}  // namespace keelson::oci
