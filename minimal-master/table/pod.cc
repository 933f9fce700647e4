// SPDX-License-Identifier: Apache-2.0
// A pod's row: one word for all that can be the matter with it.
#include <fmt/format.h>

#include <algorithm>

#include "minimal-master/table/kinds.h"
#include "minimal-master/table/text.h"

namespace keelson::table {
namespace {

using json::Value;

// Restarts of some containers, and when the last of them was: RFC 3339 in UTC sorts by time.
struct Restarts {
  int64_t count = 0;
  std::string last;

  void Add(const Value& status) {
    count += NumberAt(status, {"restartCount"});
    last = std::max(last, TextAt(status, {"lastState", "terminated", "finishedAt"}));
  }
  std::string Text(int64_t now_nanos) const {
    if (count == 0 || last.empty()) return std::to_string(count);
    return fmt::format("{} ({} ago)", count, Since(last, now_nanos));
  }
};

struct Told {
  std::string reason;
  int64_t ready = 0;
  int64_t total = 0;
  Restarts restarts;
};

bool IsSidecar(const Value& pod, const std::string& name) {
  for (const Value& container : pod.At({"spec", "initContainers"}).items()) {
    if (TextAt(container, {"name"}) == name)
      return TextAt(container, {"restartPolicy"}) == "Always";
  }
  return false;
}

std::string EndText(const Value& terminated) {
  const std::string reason = TextAt(terminated, {"reason"});
  if (!reason.empty()) return reason;
  const int64_t signal = NumberAt(terminated, {"signal"});
  if (signal != 0) return fmt::format("Signal:{}", signal);
  return fmt::format("ExitCode:{}", NumberAt(terminated, {"exitCode"}));
}

// True: the pod is not past this point, and `told.reason` says where it is.
bool StillInitialising(const Value& pod, Told& told, Restarts& sidecars) {
  const std::vector<Value>& statuses = pod.At({"status", "initContainerStatuses"}).items();
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Value& status = statuses[i];
    const bool sidecar = IsSidecar(pod, TextAt(status, {"name"}));
    told.restarts.Add(status);
    if (sidecar) sidecars.Add(status);
    const Value& terminated = status.At({"state", "terminated"});
    const std::string waiting = TextAt(status, {"state", "waiting", "reason"});
    if (terminated.IsObject() && NumberAt(terminated, {"exitCode"}) == 0) continue;
    if (sidecar && TrueAt(status, {"started"})) {
      if (TrueAt(status, {"ready"})) ++told.ready;
      continue;
    }
    if (terminated.IsObject()) {
      told.reason = "Init:" + EndText(terminated);
    } else if (!waiting.empty() && waiting != "PodInitializing") {
      told.reason = "Init:" + waiting;
    } else {
      told.reason = fmt::format("Init:{}/{}", i, pod.At({"spec", "initContainers"}).items().size());
    }
    return true;
  }
  return false;
}

void OfContainers(const Value& pod, Told& told, const Restarts& sidecars) {
  told.restarts = sidecars;
  bool running = false;
  const std::vector<Value>& statuses = pod.At({"status", "containerStatuses"}).items();
  for (size_t i = statuses.size(); i-- > 0;) {
    const Value& status = statuses[i];
    told.restarts.Add(status);
    const std::string waiting = TextAt(status, {"state", "waiting", "reason"});
    const Value& terminated = status.At({"state", "terminated"});
    if (!waiting.empty()) {
      told.reason = waiting;
    } else if (terminated.IsObject()) {
      told.reason = EndText(terminated);
    } else if (TrueAt(status, {"ready"}) && status.At({"state", "running"}).IsObject()) {
      running = true;
      ++told.ready;
    }
  }
  if (told.reason == "Completed" && running)
    told.reason = ConditionIsTrue(pod, "Ready") ? "Running" : "NotReady";
}

Told Tell(const Value& pod) {
  Told told;
  told.total = static_cast<int64_t>(pod.At({"spec", "containers"}).items().size());
  for (const Value& container : pod.At({"spec", "initContainers"}).items())
    told.total += TextAt(container, {"restartPolicy"}) == "Always" ? 1 : 0;
  const std::string phase = TextAt(pod, {"status", "phase"});
  told.reason = TextAtOr(pod, {"status", "reason"}, phase);
  const Value* scheduled = Condition(pod, "PodScheduled");
  if (scheduled != nullptr && TextAt(*scheduled, {"reason"}) == "SchedulingGated")
    told.reason = "SchedulingGated";
  Restarts sidecars;
  if (!StillInitialising(pod, told, sidecars) || ConditionIsTrue(pod, "Initialized"))
    OfContainers(pod, told, sidecars);
  if (!TextAt(pod, {"metadata", "deletionTimestamp"}).empty()) {
    if (TextAt(pod, {"status", "reason"}) == "NodeLost")
      told.reason = "Unknown";
    else if (phase != "Succeeded" && phase != "Failed")
      told.reason = "Terminating";
  }
  return told;
}

std::string Gates(const Value& pod) {
  const std::vector<Value>& gates = pod.At({"spec", "readinessGates"}).items();
  if (gates.empty()) return "<none>";
  const auto open = std::count_if(gates.begin(), gates.end(), [&](const Value& gate) {
    return ConditionIsTrue(pod, gate.At({"conditionType"}).AsString());
  });
  return fmt::format("{}/{}", open, gates.size());
}

Value CompletedCondition(std::string_view reason, std::string_view message) {
  Value condition;
  condition.Set("type", Value("Completed"));
  condition.Set("status", Value("True"));
  condition.Set("reason", Value(reason));
  condition.Set("message", Value(message));
  return condition;
}

}  // namespace

Row Pod(const Value& pod, int64_t now_nanos) {
  const Told told = Tell(pod);
  std::string address = TextAt(pod, {"status", "podIP"});
  if (const auto& all = pod.At({"status", "podIPs"}).items(); !all.empty())
    address = TextAt(all[0], {"ip"});
  Row row =
      RowWith(TextAt(pod, {"metadata", "name"}), fmt::format("{}/{}", told.ready, told.total),
              told.reason, told.restarts.Text(now_nanos), Age(pod, now_nanos),
              address.empty() ? "<none>" : address, TextAtOr(pod, {"spec", "nodeName"}, "<none>"),
              TextAtOr(pod, {"status", "nominatedNodeName"}, "<none>"), Gates(pod));
  const std::string phase = TextAt(pod, {"status", "phase"});
  if (phase == "Succeeded")
    row.conditions.push_back(
        CompletedCondition("Succeeded", "The pod has completed successfully."));
  if (phase == "Failed") row.conditions.push_back(CompletedCondition("Failed", "The pod failed."));
  return row;
}

}  // namespace keelson::table
