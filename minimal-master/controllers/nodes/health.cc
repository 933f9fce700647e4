// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/health.h"

#include <algorithm>

#include "minimal-master/control/times.h"

namespace keelson::controllers::nodes {
namespace {

using control::Write;
using json::Value;

const Value* FindCondition(const Value& object, std::string_view type) {
  for (const Value& one : object.At({"status", "conditions"}).items()) {
    if (one.At({"type"}).AsString() == type) return &one;
  }
  return nullptr;
}

Value NeverReported(const char* type, const Value& node, const std::string& now) {
  Value out;
  out.Set("type", Value(type));
  out.Set("status", Value("Unknown"));
  out.Set("lastHeartbeatTime", node.At({"metadata", "creationTimestamp"}));
  out.Set("lastTransitionTime", Value(now));
  out.Set("reason", Value("NodeStatusNeverUpdated"));
  out.Set("message", Value("Kubelet never posted node status."));
  return out;
}

}  // namespace

Ready ReadyOf(const Value& node) {
  const Value* ready = FindCondition(node, "Ready");
  if (ready == nullptr) return Ready::kNever;
  const std::string& status = ready->At({"status"}).AsString();
  return status == "True" ? Ready::kTrue : status == "False" ? Ready::kFalse : Ready::kUnknown;
}

std::string HeartbeatOf(const Value& node) {
  const Value* ready = FindCondition(node, "Ready");
  return ready == nullptr ? std::string() : ready->At({"lastHeartbeatTime"}).AsString();
}

std::string ZoneOf(const Value& node) {
  const auto label = [&](const char* name, const char* old) -> const std::string& {
    const std::string& value = node.At({"metadata", "labels", name}).AsString();
    return value.empty() ? node.At({"metadata", "labels", old}).AsString() : value;
  };
  const std::string& region =
      label("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
  const std::string& zone =
      label("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  if (region.empty() && zone.empty()) return {};
  return region + ":" + std::string(1, '\0') + ":" + zone;
}

std::optional<Write> PlanSilence(const Value& node, int64_t now) {
  const std::string time = control::TimeText(now);
  Value conditions = node.At({"status", "conditions"});
  if (!conditions.IsArray()) conditions = Value::Array();
  bool changed = false;
  for (const char* type : {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}) {
    auto& items = conditions.items();
    const auto there = std::find_if(items.begin(), items.end(), [&](const Value& one) {
      return one.At({"type"}).AsString() == type;
    });
    if (there == items.end()) {
      conditions.Append(NeverReported(type, node, time));
    } else if (there->At({"status"}).AsString() == "Unknown") {
      continue;
    } else {
      there->Set("status", Value("Unknown"));
      there->Set("reason", Value("NodeStatusUnknown"));
      there->Set("message", Value("Kubelet stopped posting node status."));
      there->Set("lastTransitionTime", Value(time));
    }
    changed = true;
  }
  if (!changed) return std::nullopt;
  Value silent = node;
  Value status = silent.At({"status"}).IsObject() ? silent.At({"status"}) : Value::Object();
  status.Set("conditions", std::move(conditions));
  silent.Set("status", std::move(status));
  return control::Update(control::ResourceNamed("", "nodes"), std::move(silent), "status");
}

std::optional<Write> PlanPodNotReady(const Value& pod, int64_t now) {
  const Value* ready = FindCondition(pod, "Ready");
  if (ready == nullptr || ready->At({"status"}).AsString() == "False") return std::nullopt;
  Value changed = pod;
  for (Value& one : changed.Find("status")->Find("conditions")->items()) {
    if (one.At({"type"}).AsString() != "Ready") continue;
    one.Set("status", Value("False"));
    one.Set("lastTransitionTime", Value(control::TimeText(now)));
  }
  return control::Update(control::ResourceNamed("", "pods"), std::move(changed), "status");
}

}  // namespace keelson::controllers::nodes
