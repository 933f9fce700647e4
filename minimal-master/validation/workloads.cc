// SPDX-License-Identifier: Apache-2.0
// What keeps pods running: deployments, replica sets, daemon sets, stateful sets.
#include <algorithm>

#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

void AlwaysRestarts(const Field& spec, Problems& problems) {
  const Field pod = spec["template"]["spec"];
  // A template without a spec has no policy to be wrong.
  if (const Field policy = pod["restartPolicy"]; policy.Present())
    OneOf(policy, {"Always"}, problems);
  if (const Field deadline = pod["activeDeadlineSeconds"]; deadline.Present())
    problems.Forbidden(deadline, "activeDeadlineSeconds in ReplicaSet is not Supported");
}

void RollingUpdate(const Field& rolling, Problems& problems) {
  const Field unavailable = rolling["maxUnavailable"];
  const Field surge = rolling["maxSurge"];
  IntOrPercent(unavailable, problems);
  IntOrPercent(surge, problems);
  if (NumberOf(unavailable) == 0 && NumberOf(surge) == 0)
    problems.Invalid(unavailable, "may not be 0 when `maxSurge` is 0");
  (void)IsHundredPercentOrLess(unavailable, problems);
}

// The set's pods have a volume for each of its claims.
json::Value WithClaims(const json::Value& object) {
  json::Value copy = object;
  json::Value* spec = copy.Find("spec");
  json::Value* pod_template = spec == nullptr ? nullptr : spec->Find("template");
  json::Value* pod = pod_template == nullptr ? nullptr : pod_template->Find("spec");
  if (pod == nullptr || !pod->IsObject()) return copy;
  json::Value volumes = json::Value::Array();
  for (const json::Value& claim : spec->At({"volumeClaimTemplates"}).items()) {
    const json::Value name(claim.At({"metadata", "name"}).AsString());
    json::Value source = json::Value::Object();
    source.Set("claimName", name);
    json::Value volume = json::Value::Object();
    volume.Set("name", name);
    volume.Set("persistentVolumeClaim", std::move(source));
    volumes.Append(std::move(volume));
  }
  for (const json::Value& own : pod->At({"volumes"}).items()) {
    const auto& claims = volumes.items();
    const bool hidden = std::any_of(claims.begin(), claims.end(), [&](const json::Value& each) {
      return each.At({"name"}) == own.At({"name"});
    });
    if (!hidden) volumes.Append(own);
  }
  pod->Set("volumes", std::move(volumes));
  return copy;
}

}  // namespace

void PodTemplate(const Field& object, Problems& problems) {
  Template(object["template"], problems);
}

void Deployment(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  NotNegative(spec["replicas"], problems);
  TemplateOf(spec, "deployment", problems);
  AlwaysRestarts(spec, problems);
  const Field strategy = spec["strategy"];
  const std::string& type = strategy["type"].String();
  if (type == "Recreate") {
    if (strategy["rollingUpdate"].Present())
      problems.Forbidden(strategy["rollingUpdate"],
                         "may not be specified when strategy `type` is 'Recreate'");
  } else if (type == "RollingUpdate") {
    if (strategy["rollingUpdate"].Present()) RollingUpdate(strategy["rollingUpdate"], problems);
  } else if (strategy.Present()) {
    OneOf(strategy["type"], {"Recreate", "RollingUpdate"}, problems);
  }
  NotNegative(spec["minReadySeconds"], problems);
  NotNegative(spec["revisionHistoryLimit"], problems);
  const Field deadline = spec["progressDeadlineSeconds"];
  NotNegative(deadline, problems);
  if (deadline.Present() && deadline.Int() <= spec["minReadySeconds"].Int())
    problems.Invalid(deadline, "must be greater than minReadySeconds");
}

void DeploymentChange(const Field& now, const Field& before, Problems& problems) {
  Immutable(now["spec"]["selector"], before["spec"]["selector"], problems);
}

void ReplicaSet(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  NotNegative(spec["replicas"], problems);
  NotNegative(spec["minReadySeconds"], problems);
  TemplateOf(spec, "deployment", problems);
  AlwaysRestarts(spec, problems);
}

void ReplicationController(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  NotNegative(spec["minReadySeconds"], problems);
  const Field selector = spec["selector"];
  if (selector.value().members().empty()) problems.Required(selector);

  if (!spec["replicas"].Present())
    problems.Required(spec["replicas"], "");
  else
    NotNegative(spec["replicas"], problems);
  const Field pod_template = spec["template"];
  if (!pod_template.Present()) return problems.Required(pod_template);
  const Field labels = pod_template["metadata"]["labels"];
  for (const Field& wanted : selector.Entries()) {
    if (labels.value().Find(wanted.key()) == nullptr ||
        labels[wanted.key()].String() != wanted.String()) {
      problems.Invalid(labels, "`selector` does not match template `labels`");
      break;
    }
  }
  Template(pod_template, problems);
  AlwaysRestarts(spec, problems);
}

void DaemonSet(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  TemplateOf(spec, "daemonset", problems);
  AlwaysRestarts(spec, problems);
  NotNegative(spec["minReadySeconds"], problems);
  const Field strategy = spec["updateStrategy"];
  if (strategy["type"].String() == "RollingUpdate") {
    const Field rolling = strategy["rollingUpdate"];
    if (!rolling.Present()) return problems.Required(rolling);
    const Field unavailable = rolling["maxUnavailable"];
    const Field surge = rolling["maxSurge"];
    IntOrPercent(unavailable, problems);
    (void)IsHundredPercentOrLess(unavailable, problems);
    IntOrPercent(surge, problems);
    (void)IsHundredPercentOrLess(surge, problems);
    if (NumberOf(unavailable) == 0 && NumberOf(surge) == 0)
      problems.Required(unavailable, "cannot be 0 when maxSurge is 0");
    else if (NumberOf(unavailable) != 0 && NumberOf(surge) != 0)
      problems.Invalid(surge, "may not be set when maxUnavailable is non-zero");
  } else if (strategy["type"].String() != "OnDelete") {
    OneOf(strategy["type"], {"RollingUpdate", "OnDelete"}, problems);
  }
  NotNegative(spec["revisionHistoryLimit"], problems);
}

void StatefulSet(const Field& object, Problems& problems) {
  const Field spec = object["spec"];
  const Field policy = spec["podManagementPolicy"];
  RequiredOneOf(policy, {"OrderedReady", "Parallel"}, problems);
  const Field strategy = spec["updateStrategy"];
  const std::string& type = strategy["type"].String();
  const Field rolling = strategy["rollingUpdate"];
  if (type.empty()) {
    problems.Required(spec["updateStrategy"]);
  } else if (type == "OnDelete") {
    if (rolling.Present())
      problems.Invalid(rolling, "only allowed for updateStrategy 'RollingUpdate'");
  } else if (type == "RollingUpdate") {
    NotNegative(rolling["partition"], problems);
    if (const Field most = rolling["maxUnavailable"]; most.Present()) IntOrPercent(most, problems);
  } else {
    problems.Invalid(strategy, "must be 'RollingUpdate' or 'OnDelete'");
  }
  const Field retention = spec["persistentVolumeClaimRetentionPolicy"];
  if (retention.Present()) {
    OneOf(retention["whenDeleted"], {"Retain", "Delete"}, problems);
    OneOf(retention["whenScaled"], {"Retain", "Delete"}, problems);
  }
  NotNegative(spec["replicas"], problems);
  NotNegative(spec["minReadySeconds"], problems);
  NotNegative(spec["ordinals"]["start"], problems);
  NotNegative(spec["revisionHistoryLimit"], problems);
  const json::Value with_claims = WithClaims(object.value());
  TemplateOf(Field(with_claims)["spec"], "statefulset", problems);
  AlwaysRestarts(spec, problems);
}

void StatefulSetCreate(const Field& object, Problems& problems) {
  for (const Field& claim : object["spec"]["volumeClaimTemplates"].Items())
    ClaimSpec(claim["spec"], problems);
}

void StatefulSetChange(const Field& now, const Field& before, Problems& problems) {
  for (const char* field :
       {"serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates"}) {
    if (Same(now["spec"][field], before["spec"][field])) continue;
    return problems.Forbidden(
        now["spec"],
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden");
  }
}

}  // namespace keelson::validation
