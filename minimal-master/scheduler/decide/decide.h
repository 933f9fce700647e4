// SPDX-License-Identifier: Apache-2.0
// Where a pod goes: asks the filters of as many nodes as upstream would, scores those that will do,
// takes one of the best. One thread. Remembers only where among the nodes it stopped the last time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "minimal-master/scheduler/decide/cycle.h"

namespace keelson::scheduler::decide {

// A number below `bound`, which is not 0.
using Random = std::function<uint32_t(uint32_t bound)>;

struct Decision {
  model::Symbol node = model::kEmpty;  // empty: nowhere
  size_t all_nodes = 0;
  // Of the nodes that will not do.
  std::vector<std::pair<const model::Node*, Verdict>> verdicts;
  Verdict others;       // of the nodes that were not asked, when there is no node
  std::string problem;  // why none was asked
  uint32_t why = 0;     // everything that was said
  bool ok() const { return node != model::kEmpty; }
};

// How many nodes that will do are enough to choose from.
size_t EnoughNodes(size_t all);

class Decider {
 public:
  explicit Decider(Random random) : random_(std::move(random)) {}

  Decision Decide(const model::Cluster& cluster, const model::Pod& pod, Cycle& cycle,
                  model::Symbol hostname, model::Symbol zone);

 private:
  model::Symbol Best(const model::Cluster& cluster, const model::Pod& pod,
                     const std::vector<const model::Node*>& nodes, model::Symbol hostname,
                     model::Symbol zone);
  Random random_;
  size_t start_ = 0;
};

// "0/3 nodes are available: ..." with what preemption came to at its end.
std::string Explain(const Decision& decision, const model::Symbols& symbols,
                    const std::string& preemption);

}  // namespace keelson::scheduler::decide
