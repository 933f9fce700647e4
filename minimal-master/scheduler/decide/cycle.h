// SPDX-License-Identifier: Apache-2.0
// All filters for one pod, in upstream's order, with what they counted beforehand. Made for one
// decision; pod and cluster outlive it and do not change meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/scheduler/decide/affinity.h"
#include "minimal-master/scheduler/decide/spread.h"
#include "minimal-master/scheduler/decide/volumes.h"

namespace keelson::scheduler::decide {

class Cycle {
 public:
  Cycle(const model::Pod& pod, const model::Cluster& cluster,
        const model::Taint& unschedulable_taint);

  // Why no node at all will do; empty: it depends on the node.
  const std::string& problem() const { return problem_; }
  uint32_t problem_why() const { return problem_why_; }
  // The only nodes that its terms name; nothing: any.
  const std::optional<std::vector<model::Symbol>>& named() const { return named_; }

  Verdict Check(const model::Node& node) const;
  // Also with those that are about to come there, are no less important, and have no place yet.
  Verdict CheckWithNominated(const model::Node& node);
  void Update(const model::Pod& other, const model::Node& node, int by);

 private:
  const model::Pod& pod_;
  const model::Cluster& cluster_;
  const model::Taint unschedulable_taint_;
  VolumeFilter volumes_;
  SpreadFilter spread_;
  AffinityFilter affinity_;
  std::optional<std::vector<model::Symbol>> named_;
  std::string problem_;
  uint32_t problem_why_ = 0;
};

}  // namespace keelson::scheduler::decide
