// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/controller.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/deployment/plan.h"
#include "minimal-master/controllers/pods/claim.h"
#include "minimal-master/controllers/pods/owned.h"
#include "minimal-master/controllers/pods/selector.h"
#include "minimal-master/controllers/pods/writer.h"

namespace keelson::deployment {
namespace {

using control::Change;
using control::Outcome;
using json::Value;

constexpr std::string_view kName = "deployment-controller";

// The Deployment that an object says controls it; empty: none.
std::string OwnerKey(const watch::Object& object) {
  if (object.owner_uids().empty()) return {};
  const Value value = control::Parse(object);
  const Value* owner = control::ControllerOf(value);
  if (owner == nullptr || owner->At({"kind"}).AsString() != "Deployment") return {};
  return std::string(object.ns()) + "/" + owner->At({"name"}).AsString();
}

class Controller final : public control::Controller {
 public:
  explicit Controller(const pods::Tools& tools)
      : tools_(tools),
        deployments_(control::ResourceNamed("apps", "deployments")),
        sets_(control::ResourceNamed("apps", "replicasets")),
        pods_(control::ResourceNamed("", "pods")),
        owned_(tools.cache, sets_),
        selecting_(
            tools.cache, deployments_,
            [](const Value& deployment) {
              return pods::UnlessEmpty(pods::SelectorOf(deployment.At({"spec", "selector"})));
            }),
        writer_(tools.client, tools.recorder, tools.executor, std::string(kName)) {}

  std::string_view name() const override { return kName; }
  std::vector<const schema::Resource*> Watches() const override {
    return {&deployments_, &sets_, &pods_};
  }
  void Route(const Change& change, const Add& add) override;
  Outcome Sync(const std::string& key) override;

 private:
  // The replica sets that are its own by now, their claims written.
  base::Result<std::vector<Value>> Claim(const Value& deployment);
  std::optional<std::string> Apply(const Facts& facts, const Plan& plan);
  std::string Refused(const Facts& facts, const Step& step, const status::Failure& failure);
  void WriteStatus(const std::optional<control::Write>& write) {
    if (write) (void)writer_.One(*write);
  }

  const pods::Tools tools_;
  const schema::Resource& deployments_;
  const schema::Resource& sets_;
  const schema::Resource& pods_;
  pods::Owned owned_;
  pods::Selecting selecting_;
  pods::Writer writer_;
};

void Controller::Route(const Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  if (&change.resource == &deployments_) return add(control::KeyOf(object));
  if (&change.resource == &pods_) {
    // Recreation waits for the last pod of the old sets.
    if (change.kind != watch::Kind::kDeleted) return;
    const pods::PodPtr pod = tools_.pods.Read(change.object);
    if (pod->owner_kind != "ReplicaSet") return;
    const watch::ObjectPtr set = control::Find(tools_.cache, sets_, pod->ns(), pod->owner_name);
    const std::string owner = set ? OwnerKey(*set) : std::string();
    if (!owner.empty()) add(owner);
    return;
  }
  const std::string owner = OwnerKey(object);
  if (!owner.empty()) add(owner);
  if (change.old && change.old->owner_uids() != object.owner_uids()) {
    const std::string before = OwnerKey(*change.old);
    if (!before.empty()) add(before);
  }
  if (!object.owner_uids().empty() || change.kind == watch::Kind::kDeleted) return;
  for (std::string& key : selecting_.Of(object)) add(std::move(key));
}

base::Result<std::vector<Value>> Controller::Claim(const Value& deployment) {
  const std::string& ns = deployment.At({"metadata", "namespace"}).AsString();
  const std::string& uid = deployment.At({"metadata", "uid"}).AsString();
  const pods::ObjectClaims claims = pods::ClaimObjects(
      {deployment, "apps/v1", "Deployment"}, sets_,
      pods::SelectorOf(deployment.At({"spec", "selector"})), owned_.By(uid), owned_.ByNobody(ns));
  if (const auto failure = writer_.Do(claims.writes)) {
    return base::Unavailable("{}", failure->message);
  }
  std::vector<Value> out;
  for (const watch::ObjectPtr& set : claims.mine) {
    // As it is with its claim.
    std::optional<Value> value = control::Get(tools_.cache, sets_, ns, set->name());
    if (value) out.push_back(*std::move(value));
  }
  return out;
}

std::string Controller::Refused(const Facts& facts, const Step& step,
                                const status::Failure& failure) {
  const Value& deployment = facts.deployment;
  if (step.write.verb != control::Write::Verb::kCreate) return failure.message;
  if (failure.reason == "AlreadyExists") {
    if (const std::optional<Value> present =
            control::Get(tools_.cache, sets_, step.write.ns, step.write.name)) {
      WriteStatus(AfterCollision(deployment, *present));
    }
  } else if (!pods::IsNamespaceEnding(failure)) {
    const std::string message =
        "Failed to create new replica set \"" + step.write.name + "\": " + failure.message;
    WriteStatus(AfterFailedCreate(deployment, message, tools_.clock.WallNanos()));
    writer_.Record(deployment, "Warning", "ReplicaSetCreateError", message);
  }
  return failure.message;
}

std::optional<std::string> Controller::Apply(const Facts& facts, const Plan& plan) {
  for (const Step& step : plan.steps) {
    const status::Or<Value> done = writer_.One(step.write);
    if (!done.ok()) {
      if (step.write.verb == control::Write::Verb::kDelete && pods::IsNotFound(done.failure())) {
        continue;
      }
      return Refused(facts, step, done.failure());
    }
    if (!step.message.empty()) {
      writer_.Record(facts.deployment, "Normal", "ScalingReplicaSet", step.message);
    }
  }
  if (!plan.status) return std::nullopt;
  const status::Or<Value> written = writer_.One(*plan.status);
  if (written.ok() || pods::IsNotFound(written.failure())) return std::nullopt;
  return written.failure().message;
}

Outcome Controller::Sync(const std::string& key) {
  const auto [ns, name] = control::SplitKey(key);
  std::optional<Value> deployment = control::Get(tools_.cache, deployments_, ns, name);
  if (!deployment) return Outcome::Done();
  const Value& selector = deployment->At({"spec", "selector"});
  if (selector.At({"matchLabels"}).members().empty() &&
      selector.At({"matchExpressions"}).items().empty()) {
    writer_.Record(*deployment, "Warning", "SelectingAll",
                   "This deployment is selecting all pods. A non-empty selector is required.");
    return Outcome::Done();
  }
  base::Result<std::vector<Value>> sets = Claim(*deployment);
  if (!sets.ok()) return Outcome::Failed(sets.error().message());
  Facts facts{*std::move(deployment), *std::move(sets), {}};
  if (!IsRolling(facts.deployment)) {
    for (const Value& set : facts.sets) {
      const std::string& uid = set.At({"metadata", "uid"}).AsString();
      for (const pods::PodPtr& pod : tools_.pods.ControlledBy(uid)) {
        if (!pod->ended()) ++facts.pods[uid];
      }
    }
  }
  const Plan plan = MakePlan(facts, tools_.clock.WallNanos());
  if (std::optional<std::string> failed = Apply(facts, plan)) {
    return Outcome::Failed(*std::move(failed));
  }
  return plan.again ? Outcome::After(*plan.again) : Outcome::Done();
}

}  // namespace

std::unique_ptr<control::Controller> MakeController(const pods::Tools& tools) {
  return std::make_unique<Controller>(tools);
}

}  // namespace keelson::deployment
