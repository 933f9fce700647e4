// SPDX-License-Identifier: Apache-2.0
// InterPodAffinity: near these pods, away from those. AffinityFilter is what must hold,
// ScoreAffinity what is better. Made for one pod; the cluster outlives it.
#pragma once

#include <vector>

#include "minimal-master/scheduler/decide/domains.h"
#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::decide {

class AffinityFilter {
 public:
  AffinityFilter(const model::Pod& pod, const model::Cluster& cluster);

  Verdict Check(const model::Node& node) const;
  // As if `other` came to the node (`by` 1) or left it (-1).
  void Update(const model::Pod& other, const model::Node& node, int by);

 private:
  const model::Pod& pod_;
  const model::Cluster& cluster_;
  std::vector<Domains> near_;  // by required term: pods that match all of them
  int64_t near_total_ = 0;
  std::vector<Domains> away_;  // by required anti-affinity term
  // Of others' required anti-affinity that means this pod, by topology key.
  std::vector<std::pair<model::Symbol, Domains>> kept_away_;
};

// Marks 0 to 100, nodes[i] has out[i]; empty: no rule has a say.
std::vector<int64_t> ScoreAffinity(const model::Pod& pod, const model::Cluster& cluster,
                                   const std::vector<const model::Node*>& nodes);

// Whether a term of some pod means `target`.
bool Means(const model::PodTerm& term, const model::Pod& target, const model::Cluster& cluster);

}  // namespace keelson::scheduler::decide
