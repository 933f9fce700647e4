// SPDX-License-Identifier: Apache-2.0
// The same filter in fewer instructions. The kernel checks, converts and compiles a filter anew for
// every process that takes it: 0.4 ms for the 1,300 instructions that libseccomp makes of the usual
// profile, more than all else that a command's start needs. Most numbers of calls have one answer
// whatever the arguments: these become ranges under one binary search; for the few others what the
// given program still does is kept. Pure, any thread. Source: seccomp(2), bpf(4).
#pragma once

#include <linux/filter.h>

#include <vector>

namespace keelson::seccomp {

// Answers as `program` does for every architecture, number and argument; `program` itself where it
// has an instruction that is not understood here, or would not become shorter.
std::vector<sock_filter> Shorten(const std::vector<sock_filter>& program);

}  // namespace keelson::seccomp
