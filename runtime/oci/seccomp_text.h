// SPDX-License-Identifier: Apache-2.0
// A seccomp profile as runtime-spec's linux.seccomp: other OCI runtimes compile it themselves. What
// it depends on (capabilities, architecture, kernel) is decided already. Pure, any thread. Source:
// runtime-spec config-linux.md#seccomp.
#pragma once

#include <string>

#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::oci {

std::string SeccompText(const seccomp::Profile& profile);

}  // namespace keelson::oci
