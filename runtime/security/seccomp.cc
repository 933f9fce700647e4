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

DefaultPrograms::DefaultPrograms() {
  for (const CapabilityRules& change : DefaultCapabilityRules()) {
    if (const std::optional<int> bit = capabilities::Find(change.capability))
      relevant_ |= 1ull << *bit;
  }
}

base::Result<seccomp::Program> DefaultPrograms::For(uint64_t granted_capabilities) {
  const uint64_t key = granted_capabilities & relevant_;
  constexpr size_t kMost = 256;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = programs_.find(key); found != programs_.end()) return found->second;
  }
  // Compiled without the lock: the usual sets are not kept waiting. Two threads may both do it; the
  // first result stays.
  ASSIGN_OR_RETURN(std::string bytes, seccomp::Compile(RuntimeDefaultProfile(key)));
  const std::lock_guard lock(mutex_);
  if (programs_.size() >= kMost) programs_.clear();
  return programs_.emplace(key, std::make_shared<const std::string>(std::move(bytes)))
      .first->second;
}

}  // namespace keelson::security
