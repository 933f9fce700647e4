// SPDX-License-Identifier: Apache-2.0
// The built-in seccomp profile RuntimeDefault (data/seccomp-default.json, a table made at build time); its rules depend on the
// capabilities granted. Pure, any thread; compile through one shared seccomp::ProgramCache.
#pragma once

#include <cstdint>

#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

seccomp::Profile RuntimeDefaultProfile(uint64_t granted_capabilities);

}  // namespace keelson::security
