// SPDX-License-Identifier: Apache-2.0
// node-ipam-controller: gives every node the networks of its pods (spec.podCIDRs), once for its
// life. Keys are nodes' names; one at a time. What is taken is what nodes say, kept by events.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/ipam/blocks.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::ipam {

// The networks that a node has.
std::vector<std::string> NetworksOf(const watch::Object& node);
// Gives them to a node that has none; only to this one.
control::Write PlanNode(const watch::Object& node, const std::vector<std::string>& networks);

class Allocator final : public control::Controller {
 public:
  // Refuses blocks that are none, or too small or large for their pieces.
  static base::Result<std::unique_ptr<Allocator>> Create(const Context& context);
  std::string_view name() const override { return "node-ipam-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&nodes_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;
  size_t Workers() const override { return 1; }

 private:
  Allocator(const Context& context, std::vector<Blocks> blocks)
      : context_(context), blocks_(std::move(blocks)) {}
  void Note(const std::string& node, std::vector<std::string> networks);
  void NoteLocked(const std::string& node, std::vector<std::string> networks);
  // What was given out to `node` before anybody hears of it, or nothing: a family has none left.
  std::optional<std::vector<std::string>> Take(const std::string& node);

  const Context context_;
  const schema::Resource& nodes_ = control::ResourceNamed("", "nodes");
  std::mutex mutex_;
  std::vector<Blocks> blocks_;                             // guarded by mutex_, as all below
  std::map<std::string, std::vector<std::string>> taken_;  // by node
  std::set<std::string> lacking_;                          // nodes for which nothing was left
  bool scanned_ = false;
};

}  // namespace keelson::controllers::ipam
