// SPDX-License-Identifier: Apache-2.0
// How long the kernel lets an ordinary thread run at a stretch (sched_setattr(2), from 6.12 on;
// older kernels take no notice). Short slices get a waking thread onto a busy processor sooner; its
// share of the processor stays the same. Inherited by new threads and processes: who starts other
// people's programs gives them back the ordinary one. For the calling thread.
#pragma once

#include <chrono>

namespace keelson::os {

void AskForShortSlices();
void UseOrdinarySlices();
std::chrono::nanoseconds SliceOf(
    int thread_id);  // 0 thread: oneself; zero: the kernel does not say

}  // namespace keelson::os
