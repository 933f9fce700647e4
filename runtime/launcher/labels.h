// SPDX-License-Identifier: Apache-2.0
// AppArmor and SELinux: tells the kernel which label the calling process takes with its next
// execve, and asks back whether it understood. The file is opened in a procfs of our own that no
// mount of the container can cover; where the kernel refuses one, in /proc, checked to be procfs
// and crossed by no mount or link (CVE-2019-16884, CVE-2025-52881). One thread. Source:
// Documentation/userspace-api/lsm, proc_pid_attr(5).
#pragma once

#include "lib/base/result.h"
#include "runtime/spec/container_spec.h"

namespace keelson::launcher {

base::Status SetExecLabels(const spec::Process& process);

}  // namespace keelson::launcher
