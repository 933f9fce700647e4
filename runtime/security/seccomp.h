// SPDX-License-Identifier: Apache-2.0
// The built-in seccomp profile RuntimeDefault (data/seccomp-default.json, a table made at build
// time); its rules depend on the capabilities granted. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "lib/base/result.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

seccomp::Profile RuntimeDefaultProfile(uint64_t granted_capabilities);

// Its compiled programs: one for each set of capabilities that makes a difference, so that a
// container start costs a look-up. The daemon makes one and warms it with the default capabilities
// at start. Other profiles go through a seccomp::ProgramCache.
class DefaultPrograms {
 public:
  DefaultPrograms();
  base::Result<seccomp::Program> For(uint64_t granted_capabilities);

 private:
  uint64_t relevant_ = 0;  // capabilities that the rules know
  std::mutex mutex_;
  std::map<uint64_t, seccomp::Program> programs_;
};

}  // namespace keelson::security
