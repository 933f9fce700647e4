// SPDX-License-Identifier: Apache-2.0
// Seccomp profiles that operators write, as OCI's runtime specification and Docker have them:
// defaultAction, architectures or archMap, syscalls with conditions on arguments, and Docker's
// includes/excludes by capability, architecture and kernel. Unknown fields and values are refused
// with the line. Pure but for OfThisMachine(), any thread. Sources: OCI runtime-spec
// config-linux.md#seccomp, https://docs.docker.com/engine/security/seccomp/.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

struct KernelVersion {
  uint64_t major = 0, minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

// What a profile's conditions ask about.
struct Circumstances {
  uint64_t capabilities = 0;  // granted: the bounding set
  std::string architecture;   // as Go names it: "amd64"
  KernelVersion kernel;
  bool listener = false;  // somebody is there whom SCMP_ACT_NOTIFY can ask
};
Circumstances OfThisMachine(uint64_t capabilities);

// Errors: "line 7: syscalls[2].action: …".
base::Result<seccomp::Profile> ParseSeccompProfile(std::string_view json,
                                                   const Circumstances& circumstances);

}  // namespace keelson::security
