// SPDX-License-Identifier: Apache-2.0
// World: what the scheduler knows and who waits, kept up with the watch cache: each CatchUp() costs
// what changed since the last one. What happened wakes the pods that it may help. One thread;
// `cache` outlives it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "minimal-master/scheduler/model/cluster.h"
#include "minimal-master/scheduler/queue/queue.h"
#include "minimal-master/watch/cache.h"

namespace keelson::scheduler::run {

class World {
 public:
  explicit World(const watch::Cache& cache);

  // Whether the key is of something that pods' places depend on.
  static bool Concerns(std::string_view key);
  void CatchUp(base::SteadyTime now);
  watch::Revision revision() const { return seen_.revision(); }

  model::Cluster& cluster() { return *cluster_; }
  queue::Queue& queue() { return queue_; }
  const model::Taint& unschedulable_taint() const { return unschedulable_; }

  model::Symbol hostname() const { return hostname_; }
  model::Symbol zone() const { return zone_; }

  // A decision is being carried out: the pod counts there. And when that came to nothing.
  void Assume(const model::PodRef& pod, model::Symbol node);
  void Unassume(const model::Pod& pod, base::SteadyTime now);

 private:
  struct Kind;
  using Take = void (World::*)(const Kind& kind, const watch::ObjectPtr& before,
                               const watch::ObjectPtr& after);  // either may be null
  struct Kind {
    std::string prefix;
    std::string name;  // "Service"
    Take take;
  };
  static const std::vector<Kind>& Kinds();

  void TakeNode(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakePod(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeNamespace(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeSelector(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeBudget(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeClaim(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeVolume(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void TakeClass(const Kind&, const watch::ObjectPtr& before, const watch::ObjectPtr& after);
  void PodWaits(const model::PodRef& pod);
  void PodRuns(const model::PodRef& pod);
  void PodLeft(const std::string& uid);
  void RoomOn(model::Symbol node);
  void Begin();
  void Renew();

  const watch::Cache& cache_;
  std::unique_ptr<model::Cluster> cluster_;
  queue::Queue queue_;
  model::Taint unschedulable_;
  model::Symbol hostname_ = model::kEmpty;
  model::Symbol zone_ = model::kEmpty;
  watch::Snapshot seen_;
  base::SteadyTime now_;
  size_t symbols_then_ = 0;  // when the model was read anew
};

}  // namespace keelson::scheduler::run
