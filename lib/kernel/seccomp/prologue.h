// SPDX-License-Identifier: Apache-2.0
// The part of a filter that stands before libseccomp's: for each architecture token it answers the
// system calls that libseccomp does not know and the ones newer than the profile, and falls through
// for the rest. Pure, any thread. Source: seccomp(2), bpf(4).
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace keelson::seccomp {

struct Answers {
  uint32_t token = 0;                  // AUDIT_ARCH_*
  uint32_t base = 0;                   // x32 numbers start at 0x40000000 under the token of x86_64
  std::map<uint32_t, uint32_t> extra;  // number (with base) → SECCOMP_RET_* value
  uint32_t newest = 0;                 // numbers above it (below the next base) are ENOSYS
};
std::vector<sock_filter> BuildPrologue(const std::vector<Answers>& answers);

}  // namespace keelson::seccomp
