// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/seccomp.h"

#include <algorithm>

#include "lib/kernel/capabilities/capabilities.h"
#include "runtime/security/seccomp_default.h"

namespace keelson::security {

seccomp::Profile RuntimeDefaultProfile(uint64_t granted_capabilities) {
  seccomp::Profile profile;
#if defined(__x86_64__)
  profile.architectures = {"x86_64", "x86", "x32"};
#elif defined(__aarch64__)
  profile.architectures = {"aarch64", "arm"};
#endif
  profile.rules = DefaultRules();
  for (const CapabilityRules& change : DefaultCapabilityRules()) {
    const std::optional<int> bit = capabilities::Find(change.capability);
    if (!bit || (granted_capabilities >> *bit & 1) == 0) continue;
    std::erase_if(profile.rules, [&](const seccomp::Rule& rule) {
      return std::find(change.removed.begin(), change.removed.end(), rule) != change.removed.end();
    });
    profile.rules.insert(profile.rules.end(), change.added.begin(), change.added.end());
  }
  return profile;
}

}  // namespace keelson::security
