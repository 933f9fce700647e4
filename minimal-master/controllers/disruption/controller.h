// SPDX-License-Identifier: Apache-2.0
// disruption-controller. Keys: "budget/<ns>/<name>" and, for what was said of a pod that would be
// disrupted, "pod/<ns>/<name>". Woken by events of budgets and of the pods they select, and by the
// times that plans name.
#pragma once

#include "minimal-master/control/controller.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/disruption/plan.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/tools.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::disruption {

class Counter final : public control::Controller {
 public:
  Counter(const Context& context, const pods::Tools& tools) : context_(context), tools_(tools) {}
  std::string_view name() const override { return "disruption-controller"; }
  std::vector<const schema::Resource*> Watches() const override { return {&budgets_, &pods_}; }
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  control::Outcome SyncBudget(std::string_view ns, std::string_view name);
  control::Outcome SyncPod(std::string_view ns, std::string_view name);
  void AskScales(Facts& facts, std::string_view ns) const;

  const Context context_;
  const pods::Tools tools_;
  const schema::Resource& budgets_ = control::ResourceNamed("policy", "poddisruptionbudgets");
  const schema::Resource& pods_ = control::ResourceNamed("", "pods");
  pods::Selecting selecting_{context_.cache, budgets_, &SelectorOf};
};

}  // namespace keelson::controllers::disruption
