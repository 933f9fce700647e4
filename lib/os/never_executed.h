// SPDX-License-Identifier: Apache-2.0
// Whether a process has begun a program at all: the kernel marks what was forked until its first
// execve(2) (PF_FORKNOEXEC among the flags of /proc/PID/stat), and a zombie still tells. False
// where it cannot be told. Source: proc(5), linux/sched.h.
#pragma once

#include <sys/types.h>

namespace keelson::os {

bool HasNeverExecuted(pid_t pid);

}  // namespace keelson::os
