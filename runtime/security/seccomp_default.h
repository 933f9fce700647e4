// SPDX-License-Identifier: Apache-2.0
// The table made at build time from data/seccomp-default.json. Constant data; for seccomp.cc and
// its test only.
#pragma once

#include <string>
#include <vector>

#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::security {

struct CapabilityRules {
  std::string capability;
  std::vector<seccomp::Rule> added;
  std::vector<seccomp::Rule> removed;
};
std::vector<seccomp::Rule> DefaultRules();
std::vector<CapabilityRules> DefaultCapabilityRules();

}  // namespace keelson::security
