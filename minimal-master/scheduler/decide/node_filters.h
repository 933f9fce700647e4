// SPDX-License-Identifier: Apache-2.0
// Filters that look at one node and the pod alone, one function each, in upstream's order. Pure.
#pragma once

#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/scheduler/model/node.h"

namespace keelson::scheduler::decide {

// `unschedulable_taint`: node.kubernetes.io/unschedulable:NoSchedule; who tolerates it may go where
// nobody else may.
Verdict NodeUnschedulable(const model::Pod& pod, const model::Node& node,
                          const model::Taint& unschedulable_taint);
Verdict NodeName(const model::Pod& pod, const model::Node& node);
Verdict TaintToleration(const model::Pod& pod, const model::Node& node);
Verdict NodeAffinity(const model::Pod& pod, const model::Node& node);
Verdict NodePorts(const model::Pod& pod, const model::Node& node);
Verdict ResourcesFit(const model::Pod& pod, const model::Node& node);

}  // namespace keelson::scheduler::decide
