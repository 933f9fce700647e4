// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/hpa/plan.h"

#include <fmt/format.h>

#include "lib/kube/quantity.h"
#include "minimal-master/control/times.h"

namespace keelson::hpa {
namespace {

using json::Value;

double Tolerance(const Value& autoscaler, std::string_view direction) {
  const Value& text = autoscaler.At({"spec", "behavior", direction, "tolerance"});
  if (text.IsNull()) return 0.1;
  const base::Result<kube::Quantity> quantity = kube::Quantity::Parse(text.AsString());
  return quantity.ok() ? static_cast<double>(quantity->MilliValue()) / 1000 : 0.1;
}

// What one metric of the spec asks for, with its words.
struct Proposal {
  std::optional<Answer> answer;
  std::string name;     // "cpu resource utilization (percentage of request)"
  std::string reason;   // of the failure
  std::string failure;  // upstream's sentence
  Value status;
};

Value AmountOf(std::string_view resource, int64_t milli) {
  if (resource != "cpu") milli = (milli + 999) / 1000 * 1000;
  return Value(kube::Quantity::FromMilli(milli).Canonical());
}

Proposal FromResource(const Facts& facts, const Value& metric, int64_t current,
                      const Usage& usage) {
  const bool of_container = metric.At({"type"}).AsString() == "ContainerResource";
  const std::string_view member = of_container ? "containerResource" : "resource";
  const Value& source = metric.At({member});
  Request request;
  request.resource = source.At({"name"}).AsString();
  request.container = source.At({"container"}).AsString();
  request.tolerance_up = Tolerance(facts.autoscaler, "scaleUp");
  request.tolerance_down = Tolerance(facts.autoscaler, "scaleDown");
  Proposal out;
  const Value& target = source.At({"target"});
  const std::string kind = of_container ? "container resource" : "resource";
  if (const Value* average = target.Find("averageValue")) {
    const base::Result<kube::Quantity> quantity = kube::Quantity::Parse(average->AsString());
    request.average_milli = quantity.ok() ? quantity->MilliValue() : 0;
    out.name = fmt::format("{} {}", request.resource, kind);
  } else if (const Value* percent = target.Find("averageUtilization")) {
    request.utilization = percent->AsInt();
    out.name = fmt::format("{} {} utilization (percentage of request)", request.resource, kind);
  }
  out.reason = of_container ? "FailedGetContainerResourceMetric" : "FailedGetResourceMetric";
  if (request.average_milli.value_or(1) <= 0 || (!request.utilization && !request.average_milli)) {
    out.failure = fmt::format(
        "failed to get {} utilization: invalid resource metric source: neither an average "
        "utilization target nor an average value (usage) target was set",
        request.resource);
    return out;
  }
  const base::Result<Answer> answer =
      ReplicasFor(request, current, facts.pods, usage, facts.timing);
  if (!answer.ok()) {
    out.failure =
        fmt::format("failed to get {} {}: {}", request.resource,
                    request.utilization ? "utilization" : "usage", answer.error().message());
    return out;
  }
  out.answer = *answer;
  Value now;
  if (answer->utilization) now.Set("averageUtilization", Value(*answer->utilization));
  now.Set("averageValue", AmountOf(request.resource, answer->average_milli));
  Value status;
  if (of_container) status.Set("container", Value(request.container));
  status.Set("current", std::move(now));
  status.Set("name", Value(request.resource));
  out.status.Set("type", metric.At({"type"}));
  out.status.Set(member, std::move(status));
  return out;
}

Proposal FromMetric(const Facts& facts, const Value& metric, int64_t current, const Usage& usage) {
  const std::string& type = metric.At({"type"}).AsString();
  if (type == "Resource" || type == "ContainerResource")
    return FromResource(facts, metric, current, usage);
  // Metrics of others come through APIs that are registered; none is.
  Proposal out;
  out.reason = fmt::format("FailedGet{}Metric", type);
  const std::string_view member = type == "Pods"     ? "pods"
                                  : type == "Object" ? "object"
                                                     : "external";
  out.failure = fmt::format("unable to get metric {}: no {} metrics API is registered",
                            metric.At({member, "metric", "name"}).AsString(),
                            type == "External" ? "external" : "custom");
  return out;
}

}  // namespace

void SetCondition(Value& conditions, std::string_view type, bool is, std::string_view reason,
                  std::string_view message, int64_t now) {
  const Value state(is ? "True" : "False");
  Value* found = nullptr;
  for (Value& condition : conditions.items()) {
    if (condition.At({"type"}).AsString() == type) found = &condition;
  }
  if (found == nullptr) {
    conditions.Append(Value::Object({{"type", Value(type)}}));
    found = &conditions.items().back();
  }
  if (!(found->At({"status"}) == state))
    found->Set("lastTransitionTime", Value(control::TimeText(now * 1'000'000'000)));
  found->Set("status", state);
  found->Set("reason", Value(reason));
  found->Set("message", Value(message));
}

Plan MakePlan(const Facts& facts, const Usage& usage, History& history) {
  const Value& spec = facts.autoscaler.At({"spec"});
  Plan out;
  out.status = facts.autoscaler.At({"status"});
  if (!out.status.IsObject()) out.status = Value::Object();
  Value conditions = out.status.At({"conditions"});
  if (!conditions.IsArray()) conditions = Value::Array();
  const int64_t now = facts.timing.now;
  const auto condition = [&](std::string_view type, bool is, std::string_view reason,
                             std::string_view message) {
    SetCondition(conditions, type, is, reason, message, now);
  };
  out.status.Set("observedGeneration", facts.autoscaler.At({"metadata", "generation"}));
  const auto finish = [&]() -> Plan& {
    out.status.Set("conditions", std::move(conditions));
    return out;
  };
  if (!facts.scale) {
    condition("AbleToScale", false, "FailedGetScale",
              "the HPA controller was unable to get the target's current scale: " + facts.no_scale);
    out.events.push_back({"Warning", "FailedGetScale", facts.no_scale});
    return finish();
  }
  condition("AbleToScale", true, "SucceededGetScale",
            "the HPA controller was able to get the target's current scale");
  const int64_t current = facts.scale->At({"spec", "replicas"}).AsInt();
  out.status.Set("currentReplicas", facts.scale->At({"status", "replicas"}));
  Bounds bounds;
  bounds.current = current;
  const Value* minimum = spec.Find("minReplicas");
  bounds.minimum = minimum == nullptr ? 1 : minimum->AsInt();
  bounds.maximum = spec.At({"maxReplicas"}).AsInt();
  bounds.now = now;
  int64_t desired = current;
  if (current == 0 && bounds.minimum != 0) {
    condition("ScalingActive", false, "ScalingDisabled",
              "scaling is disabled since the replica count of the target is zero");
    desired = 0;
  } else if (current > bounds.maximum) {
    desired = bounds.maximum;
    out.why = "Current number of replicas above Spec.MaxReplicas";
  } else if (current < bounds.minimum) {
    desired = bounds.minimum;
    out.why = "Current number of replicas below Spec.MinReplicas";
  } else if (facts.scale->At({"status", "selector"}).AsString().empty()) {
    condition("ScalingActive", false, "InvalidSelector",
              "the HPA target's scale is missing a selector");
    out.events.push_back({"Warning", "SelectorRequired", "selector is required"});
    return finish();
  } else {
    std::optional<int64_t> wanted;
    std::string by;
    std::vector<Proposal> failed;
    Value statuses = Value::Array();
    for (const Value& metric : spec.At({"metrics"}).items()) {
      Proposal proposal = FromMetric(facts, metric, current, usage);
      if (!proposal.answer) {
        out.events.push_back({"Warning", proposal.reason, proposal.failure});
        failed.push_back(std::move(proposal));
        continue;
      }
      statuses.Append(std::move(proposal.status));
      if (!wanted || proposal.answer->replicas > *wanted) {
        wanted = proposal.answer->replicas;
        by = proposal.name;
      }
    }
    out.status.Set("currentMetrics", std::move(statuses));
    // With some unknown it may only grow.
    if (!wanted || (!failed.empty() && *wanted < current)) {
      if (!failed.empty()) {
        condition("ScalingActive", false, failed[0].reason,
                  "the HPA was unable to compute the replica count: " + failed[0].failure);
        out.events.push_back(
            {"Warning", "FailedComputeMetricsReplicas",
             fmt::format("invalid metrics ({} invalid out of {}), first error is: {}",
                         failed.size(), spec.At({"metrics"}).items().size(), failed[0].failure)});
      }
      return finish();
    }
    condition("ScalingActive", true, "ValidMetricFound",
              "the HPA was able to successfully calculate a replica count from " + by);
    if (*wanted > current) out.why = by + " above target";
    if (*wanted < current) out.why = "All metrics below target";
    const Allowed allowed = Allow(bounds, *wanted, spec.At({"behavior"}), history);
    condition("AbleToScale", true, allowed.able_reason, allowed.able_message);
    condition("ScalingLimited", allowed.limited, allowed.limit_reason, allowed.limit_message);
    desired = allowed.replicas;
  }
  out.status.Set("desiredReplicas", Value(desired));
  if (desired != current) out.replicas = desired;
  return finish();
}

void AfterScaling(Plan& plan, const std::string& error, int64_t now) {
  Value conditions = plan.status.At({"conditions"});
  if (error.empty()) {
    SetCondition(
        conditions, "AbleToScale", true, "SucceededRescale",
        fmt::format("the HPA controller was able to update the target scale to {}", *plan.replicas),
        now);
    plan.events.push_back({"Normal", "SuccessfulRescale",
                           fmt::format("New size: {}; reason: {}", *plan.replicas, plan.why)});
    plan.status.Set("lastScaleTime", Value(control::TimeText(now * 1'000'000'000)));
  } else {
    SetCondition(conditions, "AbleToScale", false, "FailedUpdateScale",
                 "the HPA controller was unable to update the target scale: " + error, now);
    plan.events.push_back(
        {"Warning", "FailedRescale",
         fmt::format("New size: {}; reason: {}; error: {}", *plan.replicas, plan.why, error)});
  }
  plan.status.Set("conditions", std::move(conditions));
}

}  // namespace keelson::hpa
