// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/page/facts.h"
#include "minimal-master/page/read.h"
#include "minimal-master/table/table.h"

namespace keelson::page {
namespace {

using json::Value;

bool IsSidecar(const Value& container) {
  return container.At({"restartPolicy"}).AsString() == "Always";
}

void ReadState(const Value& status, Container& out) {
  const Value& state = status.At({"state"});
  const Value& last = status.At({"lastState", "terminated"});
  out.restarts = status.At({"restartCount"}).AsInt();
  out.exit_code = last.At({"exitCode"}).AsInt();
  out.last_reason = Text(last.At({"reason"}));
  out.last_ended = Seconds(last.At({"finishedAt"}));
  if (const Value& waiting = state.At({"waiting"}); waiting.IsObject()) {
    out.reason = Text(waiting.At({"reason"}));
    out.message = Text(waiting.At({"message"}));
  } else if (const Value& ended = state.At({"terminated"}); ended.IsObject()) {
    out.state = "ended";
    out.reason = out.last_reason = Text(ended.At({"reason"}));
    out.message = Text(ended.At({"message"}));
    out.exit_code = ended.At({"exitCode"}).AsInt();
    out.last_ended = Seconds(ended.At({"finishedAt"}));
  } else if (state.At({"running"}).IsObject()) {
    out.state = "running";
  }
}

void ReadContainers(const Value& object, std::string_view spec, std::string_view statuses,
                    bool init, Pod& pod) {
  for (const Value& container : object.At({"spec", spec}).items()) {
    Container out;
    out.name = Text(container.At({"name"}));
    out.image = Text(container.At({"image"}), 300);
    out.state = "waiting";
    out.init = init;
    for (const Value& status : object.At({"status", statuses}).items()) {
      if (status.At({"name"}).AsString() != out.name) continue;
      ReadState(status, out);
      if ((!init || IsSidecar(container)) && status.At({"ready"}).AsBool()) ++pod.ready;
    }
    if (!init || IsSidecar(container)) ++pod.total;
    pod.restarts += out.restarts;
    pod.containers.push_back(std::move(out));
  }
}

// The larger of what runs together and what each step before it needs.
void ReadRequests(const Value& object, Pod& pod) {
  int64_t most_cpu = 0, most_memory = 0;
  for (const Value& container : object.At({"spec", "initContainers"}).items()) {
    const Value& asked = container.At({"resources", "requests"});
    const int64_t cpu = Amount(asked.At({"cpu"})).MilliValue();
    const int64_t memory = Amount(asked.At({"memory"})).Value();
    most_cpu = std::max(most_cpu, pod.cpu_millis + cpu);
    most_memory = std::max(most_memory, pod.memory_bytes + memory);
    if (!IsSidecar(container)) continue;
    pod.cpu_millis += cpu;
    pod.memory_bytes += memory;
  }
  for (const Value& container : object.At({"spec", "containers"}).items()) {
    const Value& asked = container.At({"resources", "requests"});
    pod.cpu_millis += Amount(asked.At({"cpu"})).MilliValue();
    pod.memory_bytes += Amount(asked.At({"memory"})).Value();
  }
  pod.cpu_millis = std::max(pod.cpu_millis, most_cpu);
  pod.memory_bytes = std::max(pod.memory_bytes, most_memory);
}

void ReadConditions(const Value& object, Pod& pod) {
  for (const Value& condition : object.At({"status", "conditions"}).items()) {
    const std::string& type = condition.At({"type"}).AsString();
    const std::string status = Text(condition.At({"status"}));
    const int64_t since = Seconds(condition.At({"lastTransitionTime"}));
    if (type == "PodScheduled") {
      pod.scheduled = status;
      pod.scheduled_reason = Text(condition.At({"reason"}));
      pod.scheduled_message = Text(condition.At({"message"}));
      pod.scheduled_since = since;
    } else if (type == "Ready") {
      pod.is_ready = status == "True";
      pod.ready_message = Text(condition.At({"message"}));
      pod.ready_since = since;
    }
  }
}

}  // namespace

Pod PodOf(const Value& object) {
  Pod pod;
  pod.ns = Text(object.At({"metadata", "namespace"}));
  pod.name = Text(object.At({"metadata", "name"}));
  pod.created = Seconds(object.At({"metadata", "creationTimestamp"}));
  pod.ends_by = Seconds(object.At({"metadata", "deletionTimestamp"}));
  pod.node = Text(object.At({"spec", "nodeName"}));
  pod.phase = Text(object.At({"status", "phase"}));
  pod.reason = Text(object.At({"status", "reason"}));
  pod.message = Text(object.At({"status", "message"}));
  if (const Value* owner = control::ControllerOf(object)) {
    pod.owner_kind = Text(owner->At({"kind"}));
    pod.owner_name = Text(owner->At({"name"}));
  }
  ReadContainers(object, "initContainers", "initContainerStatuses", true, pod);
  ReadContainers(object, "containers", "containerStatuses", false, pod);
  ReadRequests(object, pod);
  ReadConditions(object, pod);
  // The word does not depend on the time.
  const table::Row row = table::RowOf("", "Pod", object, 0);
  if (row.cells.size() > 2) pod.word = Text(row.cells[2], 100);
  return pod;
}

}  // namespace keelson::page
