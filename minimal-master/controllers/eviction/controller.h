// SPDX-License-Identifier: Apache-2.0
// taint-eviction-controller: deletes pods from nodes whose taints they do not tolerate, or no
// longer. Keys are the pods' "ns/name". While no node has such a taint, pods cost it nothing.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/eviction/plan.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::eviction {

class Evictor final : public control::Controller {
 public:
  Evictor(const Context& context, const pods::Tools& tools) : context_(context), tools_(tools) {}
  std::string_view name() const override { return "taint-eviction-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&nodes_, &pods_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 8; }

 private:
  // What is to be evicted later, and since when that is known.
  struct Waiting {
    std::string uid;
    int64_t seen = 0;
  };
  void Forget(const std::string& key, const json::Value& pod);

  const Context context_;
  const pods::Tools tools_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  const schema::Resource& pods_ = control::ResourceNamed("", "pods");
  std::mutex mutex_;
  std::set<std::string, std::less<>> tainted_;  // nodes; guarded by mutex_
  std::map<std::string, Waiting> waiting_;      // by key; guarded by mutex_
};

}  // namespace keelson::controllers::eviction
