// SPDX-License-Identifier: Apache-2.0
// Which pods the node takes, and who makes room for them.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"

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
  pod::Admission verdict = pod::Admit(entry.facts.pod, others, d_.admission);
  memory.end = std::move(verdict.refusal);
  memory.admitted = !memory.end;
  if (memory.end) Note(entry, true, memory.end->reason, memory.end->message);
  for (const kube::Pod* victim : verdict.preempted)
    Preempt(entry, *entries_.at(victim->metadata.uid));
}

void Agent::Preempt(Entry& entry, Entry& victim) {
  pod::Memory& memory = entry.facts.memory;
  victim.facts.memory.end = pod::End{"Preempting", "Preempted in order to admit critical pod"};
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
