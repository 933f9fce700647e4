// SPDX-License-Identifier: Apache-2.0
// Which pods the node takes, and who makes room for them.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"
#include "kubelet/pod/names.h"
#include "lib/base/log.h"

namespace keelson::lifecycle {
namespace {

using pod::kSecond;
using pod::RunState;

constexpr int64_t kLeastWait = 10 * kSecond;  // for a pod that makes room

bool IsUp(const pod::Observed& observed) {
  return std::any_of(observed.sandboxes.begin(), observed.sandboxes.end(),
                     [](const pod::SandboxFact& sandbox) { return sandbox.ready; }) ||
         std::any_of(observed.containers.begin(), observed.containers.end(),
                     [](const pod::ContainerFact& container) {
                       return container.state == RunState::kRunning ||
                              container.state == RunState::kUnknown;
                     });
}
// Something is being made of which the runtime shows nothing yet.
bool Begins(const pod::Memory& memory) {
  return std::any_of(memory.in_flight.begin(), memory.in_flight.end(), [](const std::string& key) {
    return key.starts_with("start/") || key == "sandbox";
  });
}

}  // namespace

// Something of it is up, or it has come to its end. One of which only remains are left (after a
// reboot, or because it made room for another pod) is looked at anew.
bool Agent::WasTaken(const kube::Pod& pod) const {
  const auto seen = snapshot_->pods.find(pod.metadata.uid);
  if (seen == snapshot_->pods.end()) return false;
  if (IsUp(seen->second.observed)) return true;
  pod::Facts facts;
  facts.pod = pod;
  facts.observed = seen->second.observed;
  facts.memory.admitted = facts.memory.prepared = true;
  return !sync::PlanPod(facts, Now()).final_phase.empty();
}

void Agent::AdmitNew(Entry& entry) {
  pod::Memory& memory = entry.facts.memory;
  std::vector<const kube::Pod*> others;
  for (const auto& [uid, other] : entries_) {
    if (!other->orphan && !other->facts.memory.end && other->facts.memory.final_phase.empty())
      others.push_back(&other->facts.pod);
  }
  pod::Admission verdict;
  if (shortage_) {
    verdict.refusal = eviction::RefusalUnder(shortage_->conditions(), entry.facts.pod);
  }
  if (!verdict.refusal) verdict = pod::Admit(entry.facts.pod, others, d_.admission);
  memory.end = std::move(verdict.refusal);
  memory.admitted = !memory.end;
  if (memory.end) Note(entry, true, memory.end->reason, memory.end->message);
  for (const kube::Pod* victim : verdict.preempted)
    Preempt(entry, *entries_.at(victim->metadata.uid));
}

void Agent::Preempt(Entry& entry, Entry& victim) {
  pod::Memory& memory = entry.facts.memory;
  victim.facts.memory.end = pod::End{"Preempting", "Preempted in order to admit critical pod"};
  victim.facts.memory.end->disruption =
      "Pod was preempted by Kubelet to accommodate a critical pod.";
  victim.preempted_by = entry.facts.pod.metadata.uid;
  victim.stop_pulls.request_stop();
  Note(victim, true, victim.facts.memory.end->reason, victim.facts.memory.end->message);
  const std::string uid = victim.facts.pod.metadata.uid;
  const int64_t grace = victim.facts.pod.spec.termination_grace_period_seconds;
  entry.preempts.insert(uid);
  memory.awaits.push_back(victim.facts.pod.metadata.name);
  memory.awaits_until =
      std::max(memory.awaits_until, Now() + std::max(kLeastWait, grace * kSecond * 3 / 2));
  d_.loop.Post([this, uid] { SyncPod(uid); });
}

// --- when the node runs short
void Agent::WatchShortage() {
  if (!d_.shortage) return;
  shortage_.emplace(
      d_.loop, d_.workers, d_.clock, d_.runtime, d_.cgroups, *d_.shortage,
      Shortage::Owner{
          .pods = [this] { return PodsThatCount(); },
          .remains = [this] { return Remains(); },
          .evict = [this](const std::string& uid, pod::End end,
                          const eviction::Notice& notice) { Evict(uid, std::move(end), notice); },
          .conditions = [this](const auto& now) { d_.view.SetPressure(now); },
          .tell =
              [this](bool warning, const std::string& reason, const std::string& message) {
                (warning ? base::LogWarn : base::LogInfo)(message, {{"reason", reason}});
                if (d_.cluster != nullptr) d_.cluster->HappenedToNode(warning, reason, message);
              }});
  shortage_->Start();
}

std::vector<Shortage::Subject> Agent::PodsThatCount() const {
  std::vector<Shortage::Subject> subjects;
  for (const auto& [uid, entry] : entries_) {
    const pod::Memory& memory = entry->facts.memory;
    if (entry->orphan || memory.end || memory.deletion || !memory.final_phase.empty() ||
        !IsUp(entry->facts.observed))
      continue;
    const kube::Pod& pod = entry->facts.pod;
    subjects.push_back(
        {&pod,
         {d_.volumes.PodDir(uid) + "/volumes", pod::PodLogDirectory(d_.node.logs, pod.metadata)}});
  }
  return subjects;
}

// Ended containers of pods that have ended and hold nothing else: writable layers and logs. What
// they came to stays known (KeepLost).
std::vector<std::function<void()>> Agent::Remains() {
  std::vector<std::function<void()>> removals;
  if (snapshot_ == nullptr) return removals;
  for (const auto& [uid, entry] : entries_) {
    const pod::Memory& memory = entry->facts.memory;
    const auto seen = snapshot_->pods.find(uid);
    const bool over = memory.end || !memory.final_phase.empty();
    if (!over || memory.deletion || !memory.torn_down || seen == snapshot_->pods.end()) continue;
    for (const pod::ContainerFact& container : seen->second.observed.containers) {
      if (container.state != RunState::kExited) continue;
      removals.push_back([&applier = d_.applier, context = entry->context, id = container.id, uid] {
        const Outcome done = applier.Apply(sync::RemoveContainer{id}, context, std::stop_token());
        if (!done.status.ok())
          base::LogWarn("an ended container is still there, going on",
                        {{"pod", uid}, {"container", id}, {"error", done.status.error()}});
      });
    }
  }
  return removals;
}

void Agent::Evict(const std::string& uid, pod::End end, const eviction::Notice& notice) {
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second->facts.memory.end) return;
  Entry& entry = *found->second;
  Note(entry, true, end.reason, end.message, notice.annotations);
  entry.facts.memory.end = std::move(end);
  entry.stop_pulls.request_stop();
  d_.loop.Post([this, uid] { SyncPod(uid); });
}

// As upstream: a pod that does not end in time is not waited for any longer.
void Agent::AwaitRoom(Entry& entry) {
  pod::Memory& memory = entry.facts.memory;
  memory.awaits.clear();
  for (const std::string& uid : std::set<std::string>(entry.preempts)) {
    const auto victim = entries_.find(uid);
    const bool there = victim != entries_.end() && (IsUp(victim->second->facts.observed) ||
                                                    Begins(victim->second->facts.memory));
    if (there && Now() < memory.awaits_until) {
      memory.awaits.push_back(victim->second->facts.pod.metadata.name);
      continue;
    }
    if (there) {
      Note(*victim->second, true, "ExceededGracePeriod",
           "Container runtime did not kill the pod within specified grace period.");
      d_.loop.Post([this, uid] { SyncPod(uid); });  // to be shown
    }
    entry.preempts.erase(uid);
  }
}

}  // namespace keelson::lifecycle
