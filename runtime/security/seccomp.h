// SPDX-License-Identifier: Apache-2.0
// Which seccomp profile a container gets: none, the built-in RuntimeDefault (data/seccomp-default.json, a table made at build time),
// whose rules depend on the capabilities granted, or a Localhost file. Pure but for LoadLocalhostProfile(), any thread; compile
// through one shared seccomp::ProgramCache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

seccomp::Profile RuntimeDefaultProfile(uint64_t granted_capabilities);

// The JSON of the common runtime format (defaultAction, architectures, syscalls). Unknown actions and operators are errors.
base::Result<seccomp::Profile> ParseProfile(std::string_view json);
base::Result<seccomp::Profile> LoadLocalhostProfile(const std::string& absolute_path);

}  // namespace keelson::security
