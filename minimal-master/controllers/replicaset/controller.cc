// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/replicaset/controller.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/pace.h"
#include "minimal-master/controllers/pods/route.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/template.h"
#include "minimal-master/controllers/pods/writer.h"

namespace keelson::replicaset {
namespace {

using control::Change;
using control::Outcome;
using json::Value;
using pods::PodPtr;

class Controller final : public control::Controller {
 public:
  Controller(const Kind& kind, const pods::Tools& tools)
      : kind_(kind),
        tools_(tools),
        resource_(control::ResourceNamed(kind.group, kind.resource)),
        pods_(control::ResourceNamed("", "pods")),
        owned_(tools.cache, resource_),
        selecting_(
            tools.cache, resource_,
            [&kind](const Value& object) { return pods::UnlessEmpty(SelectorOf(kind, object)); }),
        writer_(tools.client, tools.recorder, tools.executor, std::string(kind.controller)),
        pace_(tools.clock) {}

  std::string_view name() const override { return kind_.controller; }
  std::vector<const schema::Resource*> Watches() const override { return {&resource_, &pods_}; }
  void Route(const Change& change, const Add& add) override;
  Outcome Sync(const std::string& key) override;

 private:
  std::vector<PodPtr> Related(const Value& object);
  std::optional<status::Failure> Apply(const Facts& facts, const Plan& plan, int64_t now);

  const Kind& kind_;
  const pods::Tools tools_;
  const schema::Resource& resource_;
  const schema::Resource& pods_;
  pods::Owned owned_;
  pods::Selecting selecting_;
  pods::Writer writer_;
  pods::Pace pace_;
};

void Controller::Route(const Change& change, const Add& add) {
  if (&change.resource == &resource_) {
    if (change.kind == watch::Kind::kDeleted) pace_.Forget(change.object->uid());
    return add(control::KeyOf(*change.object));
  }
  pods::RoutePod(tools_.pods, selecting_, kind_.kind, change, add);
}

// Pods of all sets that have the same controller: a rollout's nodes are shared by them.
std::vector<PodPtr> Controller::Related(const Value& object) {
  std::vector<PodPtr> out;
  const Value* owner = control::ControllerOf(object);
  if (owner == nullptr) return out;
  for (const watch::ObjectPtr& other : owned_.By(owner->At({"uid"}).AsString())) {
    for (PodPtr& pod : tools_.pods.ControlledBy(other->uid())) out.push_back(std::move(pod));
  }
  return out;
}

std::optional<status::Failure> Controller::Apply(const Facts& facts, const Plan& plan,
                                                 int64_t now) {
  if (plan.create > 0) {
    const Value pod = pods::FromTemplate(facts.object.At({"spec", "template"}), kind_.api_version,
                                         kind_.kind, facts.object);
    return writer_.Create(facts.object, plan.create, [&](size_t) { return pod; }).failure;
  }
  if (plan.remove == 0) return std::nullopt;
  return writer_.Delete(facts.object,
                        ChooseVictims(plan.active, Related(facts.object), plan.remove, now));
}

Outcome Controller::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  const std::optional<Value> object = control::Get(tools_.cache, resource_, ns, name);
  if (!object) return Outcome::Done();
  const Facts facts{kind_, *object,
                    tools_.pods.ControlledBy(object->At({"metadata", "uid"}).AsString()),
                    tools_.pods.WithoutController(ns)};
  const Plan plan = MakePlan(facts);
  if (const auto failure = writer_.Do(plan.claims)) return Outcome::Failed(failure->message);
  const std::optional<status::Failure> failure = Apply(facts, plan, tools_.clock.WallNanos());
  StatusPlan status =
      PlanStatus(facts, plan, failure ? std::optional(failure->message) : std::nullopt,
                 tools_.clock.WallNanos());
  const bool steady = plan.create + plan.remove == 0 && !failure;
  if (status.write && steady && plan.active.size() >= pods::Pace::kMany) {
    // Each of them that becomes ready would be a write.
    if (const auto wait = pace_.Wait(object->At({"metadata", "uid"}).AsString())) {
      return Outcome::After(std::min(*wait, status.again.value_or(*wait)));
    }
  }
  if (status.write) {
    const status::Or<Value> written = writer_.One(*status.write);
    if (!written.ok() && !pods::IsNotFound(written.failure())) {
      return Outcome::Failed(written.failure().message);
    }
  }
  if (failure) return Outcome::Failed(failure->message);
  return status.again ? Outcome::After(*status.again) : Outcome::Done();
}

}  // namespace

std::unique_ptr<control::Controller> MakeController(const Kind& kind, const pods::Tools& tools) {
  return std::make_unique<Controller>(kind, tools);
}

}  // namespace keelson::replicaset
