// SPDX-License-Identifier: Apache-2.0
// Claims of a pod: whether they are there and bound, and where their volumes can be used. Volumes
// are not chosen or made here: a claim that waits for its first pod stays without one until
// somebody binds it. Made for one pod; the cluster outlives it.
#pragma once

#include <string>
#include <vector>

#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::decide {

class VolumeFilter {
 public:
  VolumeFilter(const model::Pod& pod, const model::Cluster& cluster);
  // Why no node at all will do, in upstream's words; empty: it depends on the node.
  const std::string& problem() const { return problem_; }
  Verdict Check(const model::Node& node) const;

 private:
  std::string problem_;
  std::vector<const model::Volume*> volumes_;
  bool gone_ = false;     // bound to a volume that is not there
  bool unbound_ = false;  // waits for its first pod
};

}  // namespace keelson::scheduler::decide
