// SPDX-License-Identifier: Apache-2.0
// clusterrole-aggregation-controller: keeps the rules of aggregated cluster roles. Keys are their
// names. Source: k8s.io/kubernetes, pkg/controller/clusterroleaggregation (1.35).
#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::aggregation {

// `parts`: the rules of what each selector matches, in the order of selectors and names. Each rule
// once.
Planned Plan(const json::Value& role, const std::vector<json::Value>& parts);

class Aggregator final : public control::Controller {
 public:
  explicit Aggregator(const Context& context) : context_(context) {}
  std::string_view name() const override { return "clusterrole-aggregation-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&roles_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const Context context_;
  const schema::Resource& roles_ =
      control::ResourceNamed("rbac.authorization.k8s.io", "clusterroles");
  std::mutex mutex_;
  std::set<std::string> aggregated_;  // names of such roles; guarded by mutex_
};

}  // namespace keelson::controllers::aggregation
