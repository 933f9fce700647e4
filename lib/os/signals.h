// SPDX-License-Identifier: Apache-2.0
// Signals as something to read. Source: signalfd(2).
#pragma once

#include <initializer_list>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

// The calling thread, and those that it makes afterwards, are not interrupted by `signals` any
// more; the descriptor (non-blocking) becomes readable when one is there. To be called before
// threads are made: one that takes a signal elsewhere ends the process.
base::Result<UniqueFd> TakeSignals(std::initializer_list<int> signals);

}  // namespace keelson::os
