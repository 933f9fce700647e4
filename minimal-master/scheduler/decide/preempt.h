// SPDX-License-Identifier: Apache-2.0
// Whom a pod that fits nowhere may displace: the node where that costs least, and the fewest pods
// there. Pure but for the random source. Upstream's order (DefaultPreemption, kube-scheduler 1.35).
#pragma once

#include <string>
#include <vector>

#include "minimal-master/scheduler/decide/decide.h"

namespace keelson::scheduler::decide {

struct Preemption {
  model::Symbol node = model::kEmpty;  // empty: nobody can help
  std::vector<model::PodRef> victims;
  std::string message;  // "preemption: 0/3 nodes are available: ..."; empty when it helps
  bool forget_nomination = false;  // what room there was made for it is of no use
};

// `now`: nanoseconds, when a pod that has not started counts as started.
Preemption Preempt(const model::Cluster& cluster, const model::Pod& pod, const Decision& decision,
                   Cycle& cycle, const Random& random, int64_t now);

}  // namespace keelson::scheduler::decide
