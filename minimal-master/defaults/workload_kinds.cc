// SPDX-License-Identifier: Apache-2.0
// apps, batch and autoscaling.
#include <limits>

#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {
namespace {

void Deployment(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "replicas", Value(1));
  Value* strategy = Made(*spec, "strategy");
  if (strategy != nullptr) {
    IfZero(*strategy, "type", Value("RollingUpdate"));
    if (strategy->At({"type"}).AsString() == "RollingUpdate") {
      if (Value* rolling = Made(*strategy, "rollingUpdate")) {
        IfUnset(*rolling, "maxUnavailable", Value("25%"));
        IfUnset(*rolling, "maxSurge", Value("25%"));
      }
    }
  }
  IfUnset(*spec, "revisionHistoryLimit", Value(10));
  IfUnset(*spec, "progressDeadlineSeconds", Value(600));
  PodTemplateOf(*spec);
}

void ReplicaSet(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "replicas", Value(1));
  PodTemplateOf(*spec);
}

void DaemonSet(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  Value* strategy = Made(*spec, "updateStrategy");
  if (strategy != nullptr) {
    IfZero(*strategy, "type", Value("RollingUpdate"));
    if (strategy->At({"type"}).AsString() == "RollingUpdate") {
      if (Value* rolling = Made(*strategy, "rollingUpdate")) {
        IfUnset(*rolling, "maxUnavailable", Value(1));
        IfUnset(*rolling, "maxSurge", Value(0));
      }
    }
  }
  IfUnset(*spec, "revisionHistoryLimit", Value(10));
  PodTemplateOf(*spec);
}

void StatefulSet(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfZero(*spec, "podManagementPolicy", Value("OrderedReady"));
  Value* strategy = Made(*spec, "updateStrategy");
  if (strategy != nullptr) {
    IfZero(*strategy, "type", Value("RollingUpdate"));
    if (strategy->At({"type"}).AsString() == "RollingUpdate") {
      if (Value* rolling = Made(*strategy, "rollingUpdate"))
        IfUnset(*rolling, "partition", Value(0));
    }
  }
  if (Value* retention = Made(*spec, "persistentVolumeClaimRetentionPolicy")) {
    IfZero(*retention, "whenDeleted", Value("Retain"));
    IfZero(*retention, "whenScaled", Value("Retain"));
  }
  IfUnset(*spec, "replicas", Value(1));
  IfUnset(*spec, "revisionHistoryLimit", Value(10));
  PodTemplateOf(*spec);
  Each(*spec, "volumeClaimTemplates", [](Value& claim) {
    IfZero(claim, "apiVersion", Value("v1"));
    IfZero(claim, "kind", Value("PersistentVolumeClaim"));
    if (Value* inner = Made(claim, "spec")) ClaimSpec(*inner);
    if (Value* status = Made(claim, "status")) IfZero(*status, "phase", Value("Pending"));
  });
}

void FailurePolicy(Value& spec) {
  Value* policy = Inner(spec, "podFailurePolicy");
  if (policy == nullptr) return;
  Each(*policy, "rules", [](Value& rule) {
    Each(rule, "onPodConditions", [](Value& pattern) { IfZero(pattern, "status", Value("True")); });
  });
}

void Job(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  const bool neither = IsUnset(*spec, "completions") && IsUnset(*spec, "parallelism");
  if (neither) spec->Set("completions", Value(1));
  IfUnset(*spec, "parallelism", Value(1));
  const bool per_index = !IsUnset(*spec, "backoffLimitPerIndex");
  IfUnset(*spec, "backoffLimit",
          Value(per_index ? int64_t{std::numeric_limits<int32_t>::max()} : int64_t{6}));
  const Value labels = spec->At({"template", "metadata", "labels"});
  if (!labels.members().empty()) {
    if (Value* metadata = Made(object, "metadata")) IfZero(*metadata, "labels", labels);
  }
  spec = Made(object, "spec");
  IfUnset(*spec, "completionMode", Value("NonIndexed"));
  IfUnset(*spec, "suspend", Value(false));
  IfUnset(*spec, "podReplacementPolicy",
          Value(IsUnset(*spec, "podFailurePolicy") ? "TerminatingOrFailed" : "Failed"));
  IfUnset(*spec, "manualSelector", Value(false));
  FailurePolicy(*spec);
  PodTemplateOf(*spec);
}

void CronJob(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfZero(*spec, "concurrencyPolicy", Value("Allow"));
  IfUnset(*spec, "suspend", Value(false));
  IfUnset(*spec, "successfulJobsHistoryLimit", Value(3));
  IfUnset(*spec, "failedJobsHistoryLimit", Value(1));
  Value* job = Made(*spec, "jobTemplate");
  Value* job_spec = job == nullptr ? nullptr : Made(*job, "spec");
  if (job_spec == nullptr) return;
  FailurePolicy(*job_spec);
  PodTemplateOf(*job_spec);
}

Value ScalingPolicy(const char* type, int value) {
  Value policy;
  policy.Set("type", Value(type));
  policy.Set("value", Value(value));
  policy.Set("periodSeconds", Value(15));
  return policy;
}

void Scaling(Value& rules, std::vector<Value> policies) {
  IfUnset(rules, "selectPolicy", Value("Max"));
  IfUnset(rules, "policies", Value::Array(std::move(policies)));
}

Value AimAtProcessor() {
  Value target;
  target.Set("type", Value("Utilization"));
  target.Set("averageUtilization", Value(80));
  Value resource;
  resource.Set("name", Value("cpu"));
  resource.Set("target", std::move(target));
  Value metric;
  metric.Set("type", Value("Resource"));
  metric.Set("resource", std::move(resource));
  return metric;
}

void HorizontalPodAutoscaler(std::string_view version, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "minReplicas", Value(1));
  if (version == "v1") {
    constexpr char kMetrics[] = "autoscaling.alpha.kubernetes.io/metrics";
    if (object.At({"metadata", "annotations", kMetrics}).IsNull())
      IfUnset(*spec, "targetCPUUtilizationPercentage", Value(80));
    return;
  }
  IfZero(*spec, "metrics", Value::Array({AimAtProcessor()}));
  Value* behavior = Inner(*spec, "behavior");
  if (behavior == nullptr) return;
  if (Value* up = Made(*behavior, "scaleUp")) {
    IfUnset(*up, "stabilizationWindowSeconds", Value(0));
    Scaling(*up, {ScalingPolicy("Pods", 4), ScalingPolicy("Percent", 100)});
  }
  if (Value* down = Made(*behavior, "scaleDown")) Scaling(*down, {ScalingPolicy("Percent", 100)});
}

}  // namespace

const Entry kWorkloadKinds[] = {
    {"apps", "Deployment", Deployment},
    {"apps", "ReplicaSet", ReplicaSet},
    {"apps", "DaemonSet", DaemonSet},
    {"apps", "StatefulSet", StatefulSet},
    {"batch", "Job", Job},
    {"batch", "CronJob", CronJob},
    {"autoscaling", "HorizontalPodAutoscaler", HorizontalPodAutoscaler},
    {},
};

}  // namespace keelson::defaults
