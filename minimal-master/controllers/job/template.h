// SPDX-License-Identifier: Apache-2.0
// A Job's pods as they are made. Pure, any thread.
#pragma once

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/job/work.h"

namespace keelson::job {

// With the finalizer, and with an index its annotations, label, hostname and JOB_COMPLETION_INDEX.
json::Value MakePod(const Spec& spec, const Work::Creation& creation);
// Takes the finalizer off it as it is now; refused when it has changed.
control::Write Untrack(const pods::PodFacts& pod);

}  // namespace keelson::job
