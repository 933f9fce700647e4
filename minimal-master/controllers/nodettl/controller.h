// SPDX-License-Identifier: Apache-2.0
// ttl-controller: annotates nodes with the seconds for which they may keep what they read, more in
// a larger cluster, with some play so that one node more or less does not change all. Keys are
// nodes' names. Source: k8s.io/kubernetes, pkg/controller/ttl (1.35).
#pragma once

#include <mutex>
#include <optional>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::nodettl {

// The step that a cluster of so many nodes is at, coming from `step`.
int NextStep(int step, size_t nodes);
int SecondsOf(int step);
// Nothing: the node says so already.
std::optional<control::Write> PlanNode(const json::Value& node, int seconds);

class Annotator final : public control::Controller {
 public:
  explicit Annotator(const Context& context) : context_(context) {}
  std::string_view name() const override { return "ttl-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&nodes_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const Context context_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  std::mutex mutex_;
  int step_ = 0;  // guarded by mutex_
};

}  // namespace keelson::controllers::nodettl
