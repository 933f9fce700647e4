// SPDX-License-Identifier: Apache-2.0
// The last steps of a new process inside its container: working directory, limits, user,
// capabilities, seccomp, execve. Each changes the calling process for good. One thread.
#pragma once

#include "lib/base/result.h"
#include "runtime/spec/container_spec.h"

namespace keelson::launcher {

// Everything up to, not including, execve. `null` limits (rlimits, OOM score) that the machine does
// not let us raise are kept as they are: a test machine without CAP_SYS_RESOURCE still runs pods.
// Limits that this machine lets nobody raise stay as they are.
base::Status SetLimits(const spec::Process& process);
// In a user namespace just entered: its root, with the rights that were there. `groups_denied`:
// it is one in which nobody may change groups.
base::Status BecomeRootInside(bool groups_denied = false);
base::Status TakeOnRole(const spec::Process& process);
// Whether Execute() would find a program now, in the words in which it would say so; nothing
// changes.
base::Status FindProgram(const spec::Process& process);
// Returns only with the error, worded as the user knows it: exec "name": why.
base::Error Execute(const spec::Process& process);

}  // namespace keelson::launcher
