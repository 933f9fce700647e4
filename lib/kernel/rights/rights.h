// SPDX-License-Identifier: Apache-2.0
// Giving up rights for good, step by step, for a process that is about to handle what strangers
// sent. The order is the caller's: each program keeps other things. Acts on the calling process,
// before it has other threads. Source: setrlimit(2), setresuid(2), seccomp(2), prctl(2).
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::rights {

// Soft and hard; never raised. `name` is for the message: "NOFILE".
base::Status Limit(int resource, const char* name, uint64_t value);
// User and group `id`, no other groups, no capabilities, now or ever. Nothing when the process is
// not root: it has no rights already.
base::Status BecomeNobody(uint32_t id);
// The system calls of any such program: descriptors it has, memory, locks, signals, the time, its
// own end. All others answer EPERM; the caller adds its own. For this process alone (its number is
// in it).
seccomp::Profile CommonCalls();
// Threads, not processes; clone3 hides its flags from a filter, and the C library then falls back
// to clone.
void AllowThreads(seccomp::Profile& profile);
// No new privileges, not dumpable, and from now on only the system calls of `program`
// (seccomp::Compile).
base::Status Confine(const std::string& program);

}  // namespace keelson::rights
