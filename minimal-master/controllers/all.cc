// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/all.h"

#include "minimal-master/controllers/daemonset/controller.h"
#include "minimal-master/controllers/deployment/controller.h"
#include "minimal-master/controllers/endpoints/controllers.h"
#include "minimal-master/controllers/hpa/controller.h"
#include "minimal-master/controllers/job/controller.h"
#include "minimal-master/controllers/job/ttl.h"
#include "minimal-master/controllers/namespaces/controller.h"
#include "minimal-master/controllers/replicaset/controller.h"
#include "minimal-master/controllers/upkeep.h"

namespace keelson::controllers {
namespace {

// They share what they know of pods.
std::vector<std::unique_ptr<control::Controller>> Workloads(const pods::Tools& tools) {
  std::vector<std::unique_ptr<control::Controller>> out;
  out.push_back(replicaset::MakeController(replicaset::kReplicaSet, tools));
  out.push_back(replicaset::MakeController(replicaset::kReplicationController, tools));
  out.push_back(deployment::MakeController(tools));
  out.push_back(daemonset::MakeController(tools));
  out.push_back(job::MakeController(tools));
  out.push_back(job::MakeTtlController(tools));
  return out;
}

}  // namespace

bool IsEnabled(const std::vector<std::string>& enabled, std::string_view name) {
  bool all = false;
  for (const std::string& one : enabled) {
    if (one == name) return true;
    if (one.starts_with('-') && std::string_view(one).substr(1) == name) return false;
    if (one == "*") all = true;
  }
  return all;
}

void AddControllers(control::Manager& manager, const Context& context) {
  const auto add = [&](std::unique_ptr<control::Controller> controller) {
    if (IsEnabled(context.settings.enabled, controller->name())) manager.Add(std::move(controller));
  };
  for (auto& controller : endpoints::Controllers(context.cache, context.client))
    add(std::move(controller));
  add(std::make_unique<hpa::Autoscaler>(
      context.cache, context.client, context.recorder, context.clock, context.settings.usage,
      std::chrono::seconds(context.settings.autoscaling_seconds)));
  const pods::Tools tools(context.cache, context.client, context.recorder, context.clock);
  for (auto& controller : Workloads(tools)) add(std::move(controller));
  for (auto& controller : Upkeep(context, tools)) add(std::move(controller));
}

}  // namespace keelson::controllers
