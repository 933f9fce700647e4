// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/plan.h"

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/deployment/rollout.h"

namespace keelson::deployment {
namespace {

control::Write StatusWrite(const json::Value& deployment, const Status& status) {
  static const schema::Resource& kDeployments = control::ResourceNamed("apps", "deployments");
  json::Value updated = deployment;
  updated.Set("status", ToJson(status));
  return control::Update(kDeployments, std::move(updated), "status");
}

}  // namespace

Plan MakePlan(const Facts& facts, int64_t now) {
  Rollout rollout(facts, now);
  if (control::IsBeingDeleted(facts.deployment)) {
    rollout.StatusOnly();
    return rollout.Finish();
  }
  rollout.NotePause();
  if (facts.deployment.At({"spec", "paused"}).AsBool() || rollout.WasScaled()) {
    rollout.Scale();
  } else if (IsRolling(facts.deployment)) {
    rollout.Roll();
  } else {
    rollout.Recreate();
  }
  return rollout.Finish();
}

std::optional<control::Write> AfterCollision(const json::Value& deployment,
                                             const json::Value& present) {
  const json::Value* owner = control::ControllerOf(present);
  if (owner != nullptr && owner->At({"uid"}) == deployment.At({"metadata", "uid"}) &&
      SameTemplate(present.At({"spec", "template"}), deployment.At({"spec", "template"}))) {
    return std::nullopt;
  }
  Status status = ReadStatus(deployment);
  status.collisions = status.collisions.value_or(0) + 1;
  return StatusWrite(deployment, status);
}

std::optional<control::Write> AfterFailedCreate(const json::Value& deployment,
                                                const std::string& message, int64_t now) {
  if (!ProgressDeadline(deployment)) return std::nullopt;
  Status status = ReadStatus(deployment);
  SetCondition(status, "Progressing", "False", "ReplicaSetCreateError", message, now);
  return StatusWrite(deployment, status);
}

}  // namespace keelson::deployment
