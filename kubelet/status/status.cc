// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/status.h"

#include <algorithm>

#include "kubelet/cgroup/resources.h"
#include "kubelet/pod/hash.h"
#include "kubelet/pod/names.h"
#include "lib/base/rfc3339.h"

namespace keelson::status {
namespace {

using json::Value;
using pod::ContainerFact;
using pod::RunState;

// Of all containers of a pod together, so that a status stays small enough for a store.
constexpr size_t kMessageBytesOfPod = 12u << 10;

Value Fields(std::initializer_list<std::pair<const char*, std::string>> fields) {
  Value object = Value::Object();
  for (const auto& [key, value] : fields) {
    if (!value.empty()) object.Set(key, Value(value));
  }
  return object;
}

constexpr const char* kPostStartFailed = "PostStartHookError";

enum class HookStage { kNone, kPending, kFailed };  // kNone: there is none, or it is done
HookStage StageOf(const pod::Facts& facts, const kube::Container& container,
                  const ContainerFact& fact) {
  const auto hook = facts.memory.post_start.find(fact.id);
  if (hook == facts.memory.post_start.end()) {
    // Seen before the call that starts it has come back.
    const bool begins = facts.memory.in_flight.contains("start/" + container.name);
    return container.post_start && begins && fact.state == RunState::kRunning ? HookStage::kPending
                                                                              : HookStage::kNone;
  }
  switch (hook->second.state) {
    case pod::HookState::kPending:
      return HookStage::kPending;
    case pod::HookState::kFailed:
      return HookStage::kFailed;
    case pod::HookState::kDone:
      break;
  }
  return HookStage::kNone;
}

// An earlier run of the same container; null: none.
const ContainerFact* Before(const pod::Observed& observed, const std::string& name,
                            const ContainerFact* latest) {
  for (const ContainerFact& fact : observed.containers) {
    if (fact.name == name && &fact != latest && fact.state == RunState::kExited) return &fact;
  }
  return nullptr;
}

enum class Kind { kRegular, kInit, kEphemeral };

class Builder {
 public:
  Builder(const pod::Facts& facts, const NodeAddresses& node, int64_t now)
      : f_(facts), node_(node), now_(now) {}

  Value Container(const kube::Container& container, Kind kind) const {
    const ContainerFact* fact = pod::Latest(f_.observed, container.name);
    const ContainerFact* before = Before(f_.observed, container.name, fact);
    Value out = Value::Object();
    out.Set("name", Value(container.name));
    out.Set("image",
            Value(fact != nullptr && !fact->image.empty() ? fact->image : container.image));
    out.Set("imageID", Value(fact != nullptr ? fact->image_id : std::string()));
    if (fact != nullptr) out.Set("containerID", Value(node_.runtime_name + "://" + fact->id));
    const bool started = fact != nullptr && pod::IsStarted(f_, *fact);
    const bool ready =
        kind == Kind::kInit && !pod::IsSidecar(container)
            ? fact != nullptr && fact->state == RunState::kExited && fact->exit_code == 0
            : fact != nullptr && pod::IsReady(f_, *fact);
    // As upstream: nobody asks an ephemeral container how it is.
    out.Set("ready", Value(ready && kind != Kind::kEphemeral));
    if (kind != Kind::kEphemeral) out.Set("started", Value(started));
    out.Set("restartCount", Value(static_cast<int64_t>(fact != nullptr ? fact->attempt : 0)));
    AddShares(container, out);
    AddMounts(container, out);
    if (fact != nullptr && fact->user) AddUser(*fact->user, out);
    // A container that ended and is to run again waits; its end is its last state.
    const std::string waits = WaitingReason(container, fact, kind);
    if (!waits.empty()) {
      Value waiting = Value::Object();
      waiting.Set("waiting",
                  Fields({{"reason", waits}, {"message", WaitingMessage(container, fact, waits)}}));
      out.Set("state", std::move(waiting));
      if (fact != nullptr && fact->state == RunState::kExited) before = fact;
    } else {
      out.Set("state", State(*fact));
    }
    out.Set("lastState", before != nullptr ? State(*before) : Value::Object());
    return out;
  }

  std::string WaitingReason(const kube::Container& container, const ContainerFact* fact,
                            Kind kind) const {
    const auto memory = f_.memory.containers.find(container.name);
    const bool over = f_.memory.deletion || f_.memory.end || !f_.memory.final_phase.empty();
    if (fact != nullptr && fact->state == RunState::kUnknown) return "";
    // As upstream, it runs for people once its postStart hook is done.
    const HookStage hook = fact == nullptr ? HookStage::kNone : StageOf(f_, container, *fact);
    if (fact != nullptr && fact->state == RunState::kRunning) {
      if (over || hook == HookStage::kNone) return "";
      return hook == HookStage::kFailed ? kPostStartFailed : NotYet(kind);
    }
    if (fact != nullptr && fact->state == RunState::kExited) {
      const std::string& policy = f_.pod.spec.restart_policy;
      const bool again =
          !over && kind != Kind::kEphemeral &&
          (kind == Kind::kInit ? pod::InitRunsAgain(container, policy, fact->exit_code)
                               : pod::RunsAgain(container, policy, fact->exit_code));
      if (!again) return "";
      // The next run is being made: its back-off is for the one after it.
      const bool begins = f_.memory.in_flight.contains("start/" + container.name);
      if (begins) return hook == HookStage::kFailed ? kPostStartFailed : "";
      if (memory != f_.memory.containers.end() &&
          pod::RestartAt(memory->second.crash, fact->finished_at, now_) > now_)
        return "CrashLoopBackOff";
      if (!(memory != f_.memory.containers.end() && memory->second.failure))
        return hook == HookStage::kFailed ? kPostStartFailed : "";
    }
    if (memory != f_.memory.containers.end() && memory->second.failure) {
      const pod::Failure& failure = *memory->second.failure;
      if (pod::IsPullError(failure) && now_ > failure.at + pod::kPullErrorShown)
        return "ImagePullBackOff";
      return failure.reason;
    }
    return NotYet(kind);
  }
  std::string NotYet(Kind kind) const {
    const bool init_unfinished =
        kind == Kind::kRegular &&
        std::any_of(f_.pod.spec.init_containers.begin(), f_.pod.spec.init_containers.end(),
                    [&](const kube::Container& c) { return !InitDone(c); });
    return init_unfinished ? "PodInitializing" : "ContainerCreating";
  }
  bool InitDone(const kube::Container& init) const {
    const ContainerFact* fact = pod::Latest(f_.observed, init.name);
    if (fact == nullptr) return false;
    if (pod::IsSidecar(init)) return pod::IsStarted(f_, *fact);
    return fact->state == RunState::kExited && fact->exit_code == 0;
  }

 private:
  static Value Amounts(const kube::ResourceList& list) {
    Value object = Value::Object();
    for (const auto& [name, quantity] : list) object.Set(name, Value(quantity.text()));
    return object;
  }
  static void AddShares(const kube::Container& container, Value& out) {
    const kube::ResourceRequirements& wanted = container.resources;
    if (!wanted.requests.empty()) out.Set("allocatedResources", Amounts(wanted.requests));
    Value resources = Value::Object();
    if (!wanted.limits.empty()) resources.Set("limits", Amounts(wanted.limits));
    if (!wanted.requests.empty()) resources.Set("requests", Amounts(wanted.requests));
    out.Set("resources", std::move(resources));
  }
  void AddMounts(const kube::Container& container, Value& out) const {
    if (container.volume_mounts.empty()) return;
    Value mounts = Value::Array();
    for (const kube::VolumeMount& mount : container.volume_mounts) {
      Value shown = Fields({{"name", mount.name}, {"mountPath", mount.mount_path}});
      if (mount.read_only) {
        shown.Set("readOnly", Value(true));
        shown.Set("recursiveReadOnly",
                  Value(kube::IsRecursivelyReadOnly(mount, f_.recursive_read_only) ? "Enabled"
                                                                                   : "Disabled"));
      }
      mounts.Append(std::move(shown));
    }
    out.Set("volumeMounts", std::move(mounts));
  }
  static void AddUser(const pod::UserFact& user, Value& out) {
    Value groups = Value::Array();
    for (const int64_t group : user.groups) groups.Append(Value(group));
    Value numbers = Value::Object();
    numbers.Set("uid", Value(user.uid));
    numbers.Set("gid", Value(user.gid));
    if (!user.groups.empty()) numbers.Set("supplementalGroups", std::move(groups));
    Value shown = Value::Object();
    shown.Set("linux", std::move(numbers));
    out.Set("user", std::move(shown));
  }
  std::string WaitingMessage(const kube::Container& container, const ContainerFact* fact,
                             const std::string& reason) const {
    if (fact != nullptr && reason == kPostStartFailed)
      return f_.memory.post_start.at(fact->id).message;
    const auto memory = f_.memory.containers.find(container.name);
    if (memory == f_.memory.containers.end())
      return f_.memory.pod_failure ? f_.memory.pod_failure->message : "";
    if (reason == "CrashLoopBackOff" && fact != nullptr) {
      return "back-off " + std::to_string(memory->second.crash.delay / pod::kSecond) +
             "s restarting failed container=" + container.name +
             " pod=" + pod::FullName(f_.pod.metadata) + "(" + f_.pod.metadata.uid + ")";
    }
    if (memory->second.failure) {
      const std::string& message = memory->second.failure->message;
      return reason == "ImagePullBackOff"
                 ? "Back-off pulling image \"" + container.image +
                       "\": " + memory->second.failure->reason + ": " + message
                 : message;
    }
    return f_.memory.pod_failure ? f_.memory.pod_failure->message : "";
  }
  size_t MessageBytes() const {
    return kMessageBytesOfPod /
           std::max<size_t>(1, f_.pod.spec.containers.size() + f_.pod.spec.init_containers.size());
  }
  Value State(const ContainerFact& fact) const {
    Value state = Value::Object();
    if (fact.state == RunState::kRunning) {
      state.Set("running", Fields({{"startedAt", base::FormatRfc3339(fact.started_at)}}));
      return state;
    }
    Value terminated = Value::Object();
    const bool unknown = fact.state != RunState::kExited;
    terminated.Set("exitCode", Value(static_cast<int64_t>(unknown ? 137 : fact.exit_code)));
    const std::string reason = unknown                ? "ContainerStatusUnknown"
                               : !fact.reason.empty() ? fact.reason
                               : fact.exit_code == 0  ? "Completed"
                                                      : "Error";
    terminated.Set("reason", Value(reason));
    if (!fact.message.empty())
      terminated.Set("message", Value(std::string_view(fact.message).substr(0, MessageBytes())));
    if (fact.started_at != 0)
      terminated.Set("startedAt", Value(base::FormatRfc3339(fact.started_at)));
    if (fact.finished_at != 0)
      terminated.Set("finishedAt", Value(base::FormatRfc3339(fact.finished_at)));
    terminated.Set("containerID", Value(node_.runtime_name + "://" + fact.id));
    state.Set("terminated", std::move(terminated));
    return state;
  }

  const pod::Facts& f_;
  const NodeAddresses& node_;
  const int64_t now_;
};

std::string NamesIn(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) text += (text.size() > 1 ? " " : "") + name;
  return text + "]";
}

// The generation of the pod that the status speaks of; 0: the pod has none.
int64_t GenerationOf(const pod::Facts& facts) {
  return facts.pod.object.At({"metadata", "generation"}).AsInt();
}

void AddCondition(Value& conditions, int64_t generation, const std::string& type, bool holds,
                  const std::string& reason, const std::string& message, int64_t now,
                  std::map<std::string, int64_t>& changes) {
  const std::string value = holds ? "True" : "False";
  const std::string key = type + "=" + value;
  changes.erase(type + "=" + (holds ? "False" : "True"));
  const int64_t since = changes.try_emplace(key, now).first->second;
  Value condition = Value::Object();
  if (generation > 0) condition.Set("observedGeneration", Value(generation));
  condition.Set("type", Value(type));
  condition.Set("status", Value(value));
  condition.Set("lastProbeTime", Value());
  condition.Set("lastTransitionTime", Value(base::FormatRfc3339(since)));
  const bool says_why = !holds || type == "DisruptionTarget";
  if (says_why && !reason.empty()) condition.Set("reason", Value(reason));
  if (says_why && !message.empty()) condition.Set("message", Value(message));
  conditions.Append(std::move(condition));
}

}  // namespace

std::string PhaseOf(const pod::Facts& facts) {
  if (!facts.memory.final_phase.empty()) return facts.memory.final_phase;
  if (facts.memory.end) return "Failed";
  bool init_pending = false;
  for (const kube::Container& init : facts.pod.spec.init_containers) {
    const ContainerFact* fact = pod::Latest(facts.observed, init.name);
    if (pod::IsSidecar(init)) {
      init_pending = init_pending || fact == nullptr ||
                     (fact->state != RunState::kExited && !pod::IsStarted(facts, *fact));
    } else {
      init_pending = init_pending || fact == nullptr || fact->state != RunState::kExited ||
                     fact->exit_code != 0;
    }
  }
  size_t running = 0, waiting = 0, stopped = 0;
  for (const kube::Container& container : facts.pod.spec.containers) {
    const ContainerFact* fact = pod::Latest(facts.observed, container.name);
    if (fact == nullptr || fact->state == RunState::kCreated) {
      ++waiting;
    } else if (fact->state == RunState::kExited) {
      ++stopped;
    } else if (StageOf(facts, container, *fact) != HookStage::kNone && !facts.memory.deletion) {
      ++(Before(facts.observed, container.name, fact) != nullptr ? stopped : waiting);
    } else {
      ++running;
    }
  }
  if (init_pending && running + stopped == 0) return "Pending";
  if (waiting > 0) return "Pending";
  if (running > 0 || stopped > 0) return "Running";
  return "Pending";
}

Value StatusOf(const pod::Facts& facts, const NodeAddresses& node, int64_t now,
               std::map<std::string, int64_t>& changes) {
  const Builder builder(facts, node, now);
  const std::string phase = PhaseOf(facts);
  const kube::PodSpec& spec = facts.pod.spec;
  Value status = Value::Object();
  if (const int64_t generation = GenerationOf(facts); generation > 0)
    status.Set("observedGeneration", Value(generation));
  status.Set("phase", Value(phase));

  Value init_statuses = Value::Array(), statuses = Value::Array();
  std::vector<std::string> unready, uninitialized, unknown;
  for (const kube::Container& init : spec.init_containers) {
    init_statuses.Append(builder.Container(init, Kind::kInit));
    if (!builder.InitDone(init)) uninitialized.push_back(init.name);
    if (pod::IsSidecar(init) && !init_statuses.items().back().At({"ready"}).AsBool())
      unready.push_back(init.name);
  }
  for (const kube::Container& container : spec.containers) {
    statuses.Append(builder.Container(container, Kind::kRegular));
    if (!statuses.items().back().At({"ready"}).AsBool()) unready.push_back(container.name);
  }
  const bool over = phase == "Succeeded" || phase == "Failed";
  const std::string over_reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed";
  const bool sandbox = !facts.observed.sandboxes.empty() &&
                       facts.observed.sandboxes.front().ready &&
                       (spec.host_network || !facts.observed.sandboxes.front().ips.empty());
  // Remains of a pod whose containers nobody knows any more are not ready for anything.
  const bool empty = spec.containers.empty();
  const bool ready = unready.empty() && !over && !empty;
  const std::string why = over    ? over_reason
                          : empty ? "UnknownContainerStatuses"
                                  : "ContainersNotReady";
  const std::string message =
      over || empty ? "" : "containers with unready status: " + NamesIn(unready);
  Value conditions = Value::Array();
  const int64_t generation = GenerationOf(facts);
  AddCondition(conditions, generation, "PodReadyToStartContainers", sandbox, "", "", now, changes);
  AddCondition(conditions, generation, "Initialized", uninitialized.empty() || phase == "Succeeded",
               "ContainersNotInitialized",
               "containers with incomplete status: " + NamesIn(uninitialized), now, changes);
  AddCondition(conditions, generation, "Ready", ready, why, message, now, changes);
  AddCondition(conditions, generation, "ContainersReady", ready, why, message, now, changes);
  AddCondition(conditions, generation, "PodScheduled", true, "", "", facts.memory.first_seen,
               changes);
  if (facts.memory.end && !facts.memory.end->disruption.empty()) {
    AddCondition(conditions, generation, "DisruptionTarget", true, "TerminationByKubelet",
                 facts.memory.end->disruption, now, changes);
  }
  status.Set("conditions", std::move(conditions));

  if (facts.memory.end) {
    status.Set("reason", Value(facts.memory.end->reason));
    status.Set("message", Value(facts.memory.end->message));
  }
  const auto addresses = [&status](const char* one, const char* all,
                                   const std::vector<std::string>& ips) {
    if (ips.empty()) return;
    status.Set(one, Value(ips.front()));
    Value list = Value::Array();
    for (const std::string& ip : ips) list.Append(Fields({{"ip", ip}}));
    status.Set(all, std::move(list));
  };
  addresses("hostIP", "hostIPs", node.host_ips);
  if (spec.host_network) {
    addresses("podIP", "podIPs", node.host_ips);
  } else if (!facts.observed.sandboxes.empty()) {
    addresses("podIP", "podIPs", facts.observed.sandboxes.front().ips);
  }
  if (facts.memory.first_seen != 0)
    status.Set("startTime", Value(base::FormatRfc3339(facts.memory.first_seen)));
  if (!spec.init_containers.empty()) status.Set("initContainerStatuses", std::move(init_statuses));
  status.Set("containerStatuses", std::move(statuses));
  if (!spec.ephemeral_containers.empty()) {
    Value ephemeral = Value::Array();
    for (const kube::Container& container : spec.ephemeral_containers)
      ephemeral.Append(builder.Container(container, Kind::kEphemeral));
    status.Set("ephemeralContainerStatuses", std::move(ephemeral));
  }
  status.Set("qosClass", Value(node_cgroup::QosName(node_cgroup::QosOf(facts.pod))));
  return status;
}

Value PodDocument(const pod::Facts& facts, Value status) {
  Value document = facts.pod.object;
  document.Set("apiVersion", Value("v1"));
  document.Set("kind", Value("Pod"));
  const kube::ObjectMeta& metadata = facts.pod.metadata;
  Value& meta = document.Set("metadata", document.At({"metadata"}));
  meta.Set("name", Value(metadata.name));
  meta.Set("namespace", Value(metadata.namespace_name));
  meta.Set("uid", Value(metadata.uid));
  const auto write_map = [&meta](const char* key, const std::map<std::string, std::string>& map) {
    if (map.empty()) return;
    Value object = Value::Object();
    for (const auto& [name, value] : map) object.Set(name, Value(value));
    meta.Set(key, std::move(object));
  };
  write_map("labels", metadata.labels);
  write_map("annotations", metadata.annotations);
  if (!metadata.creation_timestamp.empty())
    meta.Set("creationTimestamp", Value(metadata.creation_timestamp));
  if (facts.memory.deletion) {
    meta.Set("deletionTimestamp",
             Value(base::FormatRfc3339(facts.memory.deletion->requested_at +
                                       facts.memory.deletion->grace_seconds * pod::kSecond)));
    meta.Set("deletionGracePeriodSeconds", Value(facts.memory.deletion->grace_seconds));
  }
  Value& spec = document.Set("spec", document.At({"spec"}));
  if (!facts.pod.spec.node_name.empty()) spec.Set("nodeName", Value(facts.pod.spec.node_name));
  document.Set("status", std::move(status));
  return document;
}

}  // namespace keelson::status
