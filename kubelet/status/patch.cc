// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/patch.h"

#include <algorithm>

namespace keelson::status {
namespace {

using json::Value;

const Value* Keyed(const Value& list, const char* key, const std::string& name) {
  for (const Value& item : list.items()) {
    if (item.At({key}).AsString() == name) return &item;
  }
  return nullptr;
}

std::string ConditionStatus(const Value& status, const std::string& type) {
  const Value* condition = Keyed(status.At({"conditions"}), "type", type);
  return condition == nullptr ? "" : condition->At({"status"}).AsString();
}

// Only those that differ; they are merged by their type.
Value ConditionsBetween(const Value& known, const Value& wanted) {
  Value changed = Value::Array();
  for (const Value& condition : wanted.items()) {
    const Value* before = Keyed(known, "type", condition.At({"type"}).AsString());
    Value now = condition;
    if (before != nullptr && before->At({"status"}) == condition.At({"status"}))
      now.Set("lastTransitionTime", before->At({"lastTransitionTime"}));
    if (before != nullptr && *before == now) continue;
    if (before != nullptr) {
      for (const auto& [field, value] : before->members()) {
        if (now.Find(field) == nullptr) now.Set(field, Value());
      }
    }
    changed.Append(std::move(now));
  }
  return changed;
}

// Addresses are merged by what they are, so those that went are named.
Value AddressesBetween(const Value& known, const Value& wanted) {
  Value out = Value::Array();
  for (const Value& address : known.items()) {
    if (Keyed(wanted, "ip", address.At({"ip"}).AsString()) == nullptr)
      out.Append(Value::Object({{"$patch", Value("delete")}, {"ip", address.At({"ip"})}}));
  }
  for (const Value& address : wanted.items()) out.Append(address);
  return out;
}

// Of a container that nobody saw end.
Value Lost() {
  return Value::Object(
      {{"terminated",
        Value::Object(
            {{"exitCode", Value(137)},
             {"reason", Value("ContainerStatusUnknown")},
             {"message",
              Value("The container could not be located when the pod was terminated")}})}});
}

void SetUnready(Value& status, const std::string& reason, const std::string& message) {
  Value* conditions = status.Find("conditions");
  if (conditions == nullptr) return;
  for (Value& condition : conditions->items()) {
    const std::string& type = condition.At({"type"}).AsString();
    if (type != "Ready" && type != "ContainersReady") continue;
    condition.Set("status", Value("False"));
    condition.Set("reason", Value(reason));
    message.empty() ? condition.Erase("message") : (void)condition.Set("message", Value(message));
  }
}

}  // namespace

std::optional<Value> PlanPatch(const std::string& uid, const Value& known, const Value& wanted) {
  Value changed = Value::Object();
  for (const auto& [field, value] : wanted.members()) {
    const Value& before = known.At({field});
    if (field == "conditions") {
      Value conditions = ConditionsBetween(before, value);
      if (!conditions.items().empty()) changed.Set(field, std::move(conditions));
    } else if (!(before == value)) {
      const bool addresses = field == "podIPs" || field == "hostIPs";
      changed.Set(field, addresses ? AddressesBetween(before, value) : value);
    }
  }
  // What only the kubelet writes and no longer says.
  for (const char* field : {"reason", "message", "podIP", "podIPs"}) {
    if (wanted.Find(field) == nullptr && known.Find(field) != nullptr) changed.Set(field, Value());
  }
  if (changed.members().empty()) return std::nullopt;
  Value patch = Value::Object();
  patch.Set("metadata", Value::Object({{"uid", Value(uid)}}));
  patch.Set("status", std::move(changed));
  return patch;
}

bool IsTerminal(const Value& status) {
  const std::string& phase = status.At({"phase"}).AsString();
  return phase == "Succeeded" || phase == "Failed";
}

Urgency UrgencyOf(const Value& known, const Value& wanted) {
  if (IsTerminal(wanted) && !IsTerminal(known)) return Urgency::kTerminal;
  if (ConditionStatus(known, "Ready") != ConditionStatus(wanted, "Ready"))
    return Urgency::kReadiness;
  return Urgency::kOther;
}

Value Terminated(Value status) {
  bool all_well = !status.At({"containerStatuses"}).items().empty();
  for (const char* list :
       {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
    Value* containers = status.Find(list);
    if (containers == nullptr) continue;
    for (Value& container : containers->items()) {
      container.Set("ready", Value(false));
      if (container.Find("started") != nullptr) container.Set("started", Value(false));
      if (container.At({"state", "terminated"}).IsNull()) {
        // It waited to run again: its end is known, as its last.
        const Value last = container.At({"lastState"});
        const bool known = !last.At({"terminated"}).IsNull();
        container.Set("state", known ? last : Lost());
        if (known) container.Set("lastState", Value::Object());
      }
      const bool regular = std::string_view(list) == "containerStatuses";
      all_well =
          all_well && (!regular || container.At({"state", "terminated", "exitCode"}).AsInt() == 0);
    }
  }
  if (!IsTerminal(status)) status.Set("phase", Value(all_well ? "Succeeded" : "Failed"));
  SetUnready(status, status.At({"phase"}).AsString() == "Failed" ? "PodFailed" : "PodCompleted",
             "");
  return status;
}

void ApplyReadinessGates(const Value& spec, const Value& known, Value& status) {
  std::string missing;
  for (const Value& gate : spec.At({"readinessGates"}).items()) {
    const std::string& type = gate.At({"conditionType"}).AsString();
    const std::string says = ConditionStatus(known, type);
    if (says == "True") continue;
    missing += missing.empty() ? "" : ", ";
    missing +=
        says.empty()
            ? "corresponding condition of pod readiness gate \"" + type + "\" does not exist."
            : "the status of pod readiness gate \"" + type + "\" is not \"True\", but " + says;
  }
  if (missing.empty() || ConditionStatus(status, "Ready") != "True") return;
  for (Value& condition : status.Find("conditions")->items()) {
    if (condition.At({"type"}).AsString() != "Ready") continue;
    condition.Set("status", Value("False"));
    condition.Set("reason", Value("ReadinessGatesNotReady"));
    condition.Set("message", Value(missing));
  }
}

}  // namespace keelson::status
