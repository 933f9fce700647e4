// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::api {
namespace {

using json::Value;
using status::Failure;

// Evictions that nobody confirms.
constexpr size_t kMostDisrupted = 2000;
constexpr char kAllowed[] = "DisruptionAllowed";
constexpr int kRetrySeconds = 10;

const Value& NameOf(const Value& object) { return object.At({"metadata", "name"}); }

const Value* ConditionOf(const Value& object, std::string_view type) {
  for (const Value& one : object.At({"status", "conditions"}).items()) {
    if (one.At({"type"}).AsString() == type) return &one;
  }
  return nullptr;
}

Failure Refused(std::string why, int retry) {
  Failure failure = status::TooManyRequests(
      "Cannot evict pod as it would violate the pod's disruption budget.", retry);
  failure.details.causes.push_back({"DisruptionBudget", std::move(why), ""});
  return failure;
}

std::string WhyNone(const Value& budget) {
  const std::string& name = NameOf(budget).AsString();
  const Value& status = budget.At({"status"});
  const Value* condition = ConditionOf(budget, kAllowed);
  const std::string message =
      condition != nullptr && condition->At({"status"}).AsString() == "False"
          ? condition->At({"message"}).AsString()
          : "";
  const std::string reason = message.empty() ? "" : condition->At({"reason"}).AsString();
  // Then the numbers are not to be trusted.
  if (reason == "SyncFailed")
    return fmt::format(
        "The disruption budget {} does not allow evicting pods currently because it failed sync: "
        "{}",
        name, message);
  const int64_t desired = status.At({"desiredHealthy"}).AsInt();
  const int64_t current = status.At({"currentHealthy"}).AsInt();
  if (current <= desired)
    return fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", name,
                       desired, current);
  std::string out =
      fmt::format("The disruption budget {} does not allow evicting pods currently", name);
  if (!message.empty()) out += fmt::format(" ({}): {}", reason, message);
  return out;
}

// The last one has gone: nobody reads "True" until it is counted again.
void SayNone(Value& status, const std::string& now) {
  Value conditions = Value::Array();
  for (const Value& one : status.At({"conditions"}).items()) {
    if (one.At({"type"}).AsString() != kAllowed) {
      conditions.Append(one);
      continue;
    }
    Value none = one;
    if (one.At({"status"}).AsString() != "False") none.Set("lastTransitionTime", Value(now));
    none.Set("status", Value("False"));
    none.Set("reason", Value("InsufficientPods"));
    none.Set("observedGeneration", status.At({"observedGeneration"}));
    conditions.Append(std::move(none));
  }
  status.Set("conditions", std::move(conditions));
}

}  // namespace

bool MayGoUnasked(const Value& pod) {
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" ||
         !pod.At({"metadata", "deletionTimestamp"}).AsString().empty();
}

bool Covers(const Value& budget, const watch::Object& pod) {
  using watch::selectors::LabelRequirement;
  std::vector<LabelRequirement> all;
  const Value& selector = budget.At({"spec", "selector"});
  if (!selector.IsObject()) return false;
  for (const auto& [key, value] : selector.At({"matchLabels"}).members())
    all.push_back({key, LabelRequirement::Operator::kIn, {value.AsString()}});
  for (const Value& expression : selector.At({"matchExpressions"}).items()) {
    LabelRequirement requirement;
    requirement.key = expression.At({"key"}).AsString();
    const std::string& op = expression.At({"operator"}).AsString();
    requirement.op = op == "In"       ? LabelRequirement::Operator::kIn
                     : op == "NotIn"  ? LabelRequirement::Operator::kNotIn
                     : op == "Exists" ? LabelRequirement::Operator::kExists
                                      : LabelRequirement::Operator::kNotExists;
    for (const Value& value : expression.At({"values"}).items())
      requirement.values.push_back(value.AsString());
    std::sort(requirement.values.begin(), requirement.values.end());
    all.push_back(std::move(requirement));
  }
  return watch::selectors::LabelSelector(std::move(all)).Matches(pod);
}

Failure IsBusy(const Value& budget) {
  return Refused(fmt::format("The disruption budget {} is still being processed by the server.",
                             NameOf(budget).AsString()),
                 kRetrySeconds);
}

status::Or<Leave> AskLeave(const Value& budget, const Value& pod, const std::string& now) {
  const Value& status = budget.At({"status"});
  const Value* ready = ConditionOf(pod, "Ready");
  if (ready == nullptr || ready->At({"status"}).AsString() != "True") {
    const int64_t desired = status.At({"desiredHealthy"}).AsInt();
    if (budget.At({"spec", "unhealthyPodEvictionPolicy"}).AsString() == "AlwaysAllow" ||
        (desired > 0 && status.At({"currentHealthy"}).AsInt() >= desired))
      return Leave{};
  }
  if (status.At({"observedGeneration"}).AsInt() < budget.At({"metadata", "generation"}).AsInt())
    return IsBusy(budget);
  const auto forbidden = [&](const char* why) {
    return status::Forbidden({"policy", "poddisruptionbudget"}, NameOf(budget).AsString(), why);
  };
  const int64_t allowed = status.At({"disruptionsAllowed"}).AsInt();
  if (allowed < 0) return forbidden("pdb disruptions allowed is negative");
  if (status.At({"disruptedPods"}).members().size() > kMostDisrupted)
    return forbidden(
        "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  if (allowed == 0) return Refused(WhyNone(budget), 0);
  Leave leave{budget};
  Value& own = *leave.left->Find("status");
  own.Set("disruptionsAllowed", Value(allowed - 1));
  if (allowed == 1) SayNone(own, now);
  if (own.Find("disruptedPods") == nullptr) own.Set("disruptedPods", Value::Object());
  own.Find("disruptedPods")->Set(NameOf(pod).AsString(), Value(now));
  return leave;
}

}  // namespace keelson::api
