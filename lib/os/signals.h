// SPDX-License-Identifier: Apache-2.0
// Signals as something to read, and as they were made. Source: signalfd(2), signal(7).
#pragma once

#include <initializer_list>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

// The calling thread, and those that it makes afterwards, are not interrupted by `signals` any
// more; the descriptor (non-blocking) becomes readable when one is there. To be called before
// threads are made: one that takes a signal elsewhere ends the process.
base::Result<UniqueFd> TakeSignals(std::initializer_list<int> signals);

// Of a child before execve(2): nothing is blocked, and every signal does what it does by default.
// May be called after fork(2).
void ResetSignals();

}  // namespace keelson::os
