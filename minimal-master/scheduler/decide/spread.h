// SPDX-License-Identifier: Apache-2.0
// PodTopologySpread: pods of a kind evenly over the values of a label of nodes. SpreadFilter is
// what must hold, ScoreSpread what is better. Made for one pod; the cluster outlives it.
#pragma once

#include <vector>

#include "minimal-master/scheduler/decide/domains.h"
#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::decide {

class SpreadFilter {
 public:
  SpreadFilter(const model::Pod& pod, const model::Cluster& cluster);

  bool empty() const { return rules_.empty(); }
  Verdict Check(const model::Node& node) const;
  // As if `other` came to the node (`by` 1) or left it (-1).
  void Update(const model::Pod& other, const model::Node& node, int by);

 private:
  struct Rule {
    const model::Spread* spread;
    bool self;  // the pod counts itself
    Domains counts;
    mutable int64_t lowest = 0;
    mutable bool lowest_is_old = true;
  };
  const model::Pod& pod_;
  std::vector<Rule> rules_;
};

// The nodes' marks, 0 to 100, nodes[i] has out[i]; empty: nothing asks for any. `hostname`: the
// label's key "kubernetes.io/hostname", `zone`: "topology.kubernetes.io/zone".
std::vector<int64_t> ScoreSpread(const model::Pod& pod, const model::Cluster& cluster,
                                 const std::vector<const model::Node*>& nodes,
                                 model::Symbol hostname, model::Symbol zone);

}  // namespace keelson::scheduler::decide
