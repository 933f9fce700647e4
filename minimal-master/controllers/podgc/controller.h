// SPDX-License-Identifier: Apache-2.0
// pod-garbage-collector-controller. Keys: "node/<name>" for what was on a node that is gone (after
// a while: it may only be named anew) or out of service, "pod/<ns>/<name>" for what never had one,
// and "ended" for the number of those that ended. Woken by events alone.
#pragma once

#include <map>
#include <mutex>
#include <unordered_set>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/podgc/plan.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::podgc {

class Collector final : public control::Controller {
 public:
  Collector(const Context& context, const pods::Tools& tools) : context_(context), tools_(tools) {}
  std::string_view name() const override { return "pod-garbage-collector-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&nodes_, &pods_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  void RoutePod(const control::Change& change, const Add& add);
  control::Outcome SyncNode(const std::string& name);
  control::Outcome SyncEnded();
  // The first failure, if any.
  control::Outcome Remove(const std::vector<pods::PodPtr>& pods, Reason reason);

  const Context context_;
  const pods::Tools tools_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  const schema::Resource& pods_ = control::ResourceNamed("", "pods");
  std::mutex mutex_;
  std::map<std::string, base::SteadyTime> missing_;  // nodes, since when; guarded by mutex_
  std::unordered_set<std::string> ended_;            // keys of pods; guarded by mutex_
};

}  // namespace keelson::controllers::podgc
