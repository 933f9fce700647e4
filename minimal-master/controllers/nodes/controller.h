// SPDX-License-Identifier: Apache-2.0
// node-lifecycle-controller: hears of every report of a node (its status, its lease), looks at a
// node when it changes and when its time of grace would end. Keys are nodes' names. What was heard
// when is kept in memory alone: after a start every node has its whole grace again.
#pragma once

#include <map>
#include <mutex>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/nodes/taints.h"
#include "minimal-master/controllers/nodes/zones.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::nodes {

class Lifecycle final : public control::Controller {
 public:
  Lifecycle(const Context& context, const pods::Tools& tools);
  std::string_view name() const override { return "node-lifecycle-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 8; }

 private:
  struct Heard {
    base::SteadyTime at{};  // of the last report
    std::string heartbeat;
    bool registered = false;    // told in an event
    bool pods_to_mark = false;  // the node fell silent, its pods do not say so yet
    bool evict = false;         // its zone let it be emptied
  };
  void HearLease(const control::Change& change);
  // When the grace of the node ends, given what it says now.
  base::SteadyTime Deadline(const std::string& name, const json::Value& node);
  Evict MayEvict(const std::string& name, const json::Value& node);
  std::optional<std::string> MarkPods(const std::string& name);
  void Tell(const json::Value& node, const std::string& reason, const std::string& message);

  const Context context_;
  const pods::Tools tools_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  const schema::Resource& leases_ = control::ResourceNamed("coordination.k8s.io", "leases");
  std::mutex mutex_;
  std::map<std::string, Heard, std::less<>> heard_;  // guarded by mutex_
  Zones zones_;                                      // guarded by mutex_
  bool all_down_ = false;                            // guarded by mutex_
};

}  // namespace keelson::controllers::nodes
