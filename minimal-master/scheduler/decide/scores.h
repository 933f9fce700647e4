// SPDX-License-Identifier: Apache-2.0
// Which of the nodes that will do is best: one function a score, 0 to 100, with upstream's
// rounding. Pure. Those that depend on other nodes too are in spread.h and affinity.h.
#pragma once

#include <vector>

#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::decide {

using Nodes = std::vector<const model::Node*>;

// out[i] is of nodes[i]. Empty: the pod says nothing that this score looks at.
std::vector<int64_t> ScoreTaints(const model::Pod& pod, const Nodes& nodes);
std::vector<int64_t> ScoreNodeAffinity(const model::Pod& pod, const Nodes& nodes);
std::vector<int64_t> ScoreImages(const model::Pod& pod, const model::Cluster& cluster,
                                 const Nodes& nodes);
// The more is left the better.
int64_t LeastAllocated(const model::Pod& pod, const model::Node& node);
// The closer processor and memory are used alike the better; for pods that ask for any.
int64_t BalancedAllocation(const model::Pod& pod, const model::Node& node);

// Marks to 0..100 of the highest; `reverse`: the highest becomes 0.
void Normalize(std::vector<int64_t>& marks, bool reverse);

}  // namespace keelson::scheduler::decide
