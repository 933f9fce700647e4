// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/facts.h"

#include <algorithm>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "minimal-master/control/objects.h"

namespace keelson::pods {
namespace {

using json::Value;

Phase ReadPhase(std::string_view text) {
  if (text == "Running") return Phase::kRunning;
  if (text == "Succeeded") return Phase::kSucceeded;
  if (text == "Failed") return Phase::kFailed;
  return text == "Unknown" ? Phase::kUnknown : Phase::kPending;
}

// What a daemon set's pods are bound to their node by.
std::string TargetNode(const Value& spec) {
  const Value& terms =
      spec.At({"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
               "nodeSelectorTerms"});
  std::string found;
  for (const Value& term : terms.items()) {
    for (const Value& field : term.At({"matchFields"}).items()) {
      const std::vector<Value>& values = field.At({"values"}).items();
      if (field.At({"key"}).AsString() != "metadata.name" ||
          field.At({"operator"}).AsString() != "In" || values.size() != 1) {
        continue;
      }
      if (!found.empty() && found != values[0].AsString()) return {};
      found = values[0].AsString();
    }
  }
  return found;
}

void ReadRestarts(const Value& spec, const Value& status, PodFacts& out) {
  for (const Value& container : status.At({"containerStatuses"}).items()) {
    out.restarts =
        std::max(out.restarts, static_cast<int32_t>(container.At({"restartCount"}).AsInt()));
  }
  for (const std::string_view list : {"containerStatuses", "initContainerStatuses"}) {
    for (const Value& container : status.At({list}).items()) {
      out.all_restarts += static_cast<int32_t>(container.At({"restartCount"}).AsInt());
    }
  }
  const std::vector<Value>& statuses = status.At({"initContainerStatuses"}).items();
  if (statuses.empty()) return;
  for (const Value& container : spec.At({"initContainers"}).items()) {
    if (container.At({"restartPolicy"}).AsString() != "Always") continue;
    for (const Value& is : statuses) {
      if (is.At({"name"}) == container.At({"name"})) {
        out.sidecar_restarts =
            std::max(out.sidecar_restarts, static_cast<int32_t>(is.At({"restartCount"}).AsInt()));
      }
    }
  }
}

void ReadPorts(const Value& container, std::vector<NamedPort>& out) {
  for (const Value& port : container.At({"ports"}).items()) {
    if (port.At({"name"}).AsString().empty()) continue;
    out.push_back({port.At({"name"}).AsString(), port.At({"protocol"}).AsString(),
                   static_cast<int32_t>(port.At({"containerPort"}).AsInt())});
  }
}

}  // namespace

std::optional<int64_t> MaybeInt(const Value& value) {
  return value.IsInt() ? std::optional(value.AsInt()) : std::nullopt;
}

int64_t ParseTime(const Value& text) {
  if (!text.IsString()) return 0;
  return base::ParseRfc3339(text.AsString()).value_or(0);
}

const Value* FindCondition(const Value& status, std::string_view type) {
  for (const Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return &condition;
  }
  return nullptr;
}

bool PodFacts::HasFinalizer(std::string_view finalizer) const {
  return std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end();
}

PodPtr ReadPod(const watch::ObjectPtr& object, const Value& value) {
  auto out = std::make_shared<PodFacts>();
  out->object = object;
  const Value& metadata = value.At({"metadata"});
  const Value& spec = value.At({"spec"});
  const Value& status = value.At({"status"});
  if (const Value* owner = control::ControllerOf(value)) {
    out->owner_kind = owner->At({"kind"}).AsString();
    out->owner_name = owner->At({"name"}).AsString();
    out->owner_uid = owner->At({"uid"}).AsString();
  }
  out->created = ParseTime(metadata.At({"creationTimestamp"}));
  out->deletion = ParseTime(metadata.At({"deletionTimestamp"}));
  out->grace_seconds = metadata.At({"deletionGracePeriodSeconds"}).AsInt();
  const std::string& cost =
      metadata.At({"annotations", "controller.kubernetes.io/pod-deletion-cost"}).AsString();
  const std::optional<int64_t> number = base::ParseInt64(cost);
  if (number && *number >= INT32_MIN && *number <= INT32_MAX) {
    out->deletion_cost = static_cast<int32_t>(*number);
  }
  for (const Value& finalizer : metadata.At({"finalizers"}).items()) {
    out->finalizers.push_back(finalizer.AsString());
  }
  out->node = spec.At({"nodeName"}).AsString();
  out->target_node = TargetNode(spec);
  out->hostname = spec.At({"hostname"}).AsString();
  out->subdomain = spec.At({"subdomain"}).AsString();
  out->host_network = spec.At({"hostNetwork"}).AsBool();
  for (const std::string_view member : {"containers", "initContainers"}) {
    for (const Value& container : spec.At({member}).items()) {
      if (member == "containers" || container.At({"restartPolicy"}).AsString() == "Always")
        ReadPorts(container, out->ports);
    }
  }
  out->phase = ReadPhase(status.At({"phase"}).AsString());
  out->reason = status.At({"reason"}).AsString();
  out->started = ParseTime(status.At({"startTime"}));
  if (const Value* ready = FindCondition(status, "Ready")) {
    out->ready = ready->At({"status"}).AsString() == "True";
    if (out->ready) out->ready_since = ParseTime(ready->At({"lastTransitionTime"}));
  }
  for (const Value& ip : status.At({"podIPs"}).items()) {
    out->ips.push_back(ip.At({"ip"}).AsString());
  }
  if (out->ips.empty() && !status.At({"podIP"}).AsString().empty()) {
    out->ips.push_back(status.At({"podIP"}).AsString());
  }
  ReadRestarts(spec, status, *out);
  return out;
}

PodPtr ReadPod(const watch::ObjectPtr& object) {
  return ReadPod(object, control::ParseFacts(*object));
}

bool IsAvailable(const PodFacts& pod, int64_t min_ready_seconds, int64_t now) {
  if (!pod.ready) return false;
  if (min_ready_seconds == 0) return true;
  return pod.ready_since != 0 && pod.ready_since + min_ready_seconds * 1'000'000'000 <= now;
}

int64_t NextAvailable(const std::vector<PodPtr>& pods, int64_t min_ready_seconds, int64_t now) {
  int64_t next = 0;
  for (const PodPtr& pod : pods) {
    if (!pod->ready || pod->ready_since == 0) continue;
    const int64_t at = pod->ready_since + min_ready_seconds * 1'000'000'000;
    if (at > now && (next == 0 || at < next)) next = at;
  }
  return next;
}

}  // namespace keelson::pods
