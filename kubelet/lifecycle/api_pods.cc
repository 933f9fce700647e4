// SPDX-License-Identifier: Apache-2.0
// Pods that an API server gives this node, and what it is told of them.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"
#include "kubelet/status/patch.h"
#include "lib/base/rfc3339.h"

namespace keelson::lifecycle {

using pod::RunState;

void Agent::SetApiPod(kube::Pod pod, const json::Value& status) {
  const std::string uid = pod.metadata.uid;
  const auto known = wanted_.find(uid);
  if (known != wanted_.end() && known->second.object == pod.object) return;
  FromApi& given = from_api_[uid];
  if (!entries_.contains(uid)) given.status = status;
  wanted_.insert_or_assign(uid, std::move(pod));
  renewed_.insert(uid);
  Reconcile();
}

void Agent::RemoveApiPod(const std::string& uid) {
  if (from_api_.erase(uid) == 0) return;
  wanted_.erase(uid);
  Reconcile();
}

void Agent::ApiSynced() {
  if (api_ready_) return;
  api_ready_ = true;
  Reconcile();
}

// What an earlier life of this node told of the pod holds on.
void Agent::Resume(Entry& entry, const json::Value& status) {
  pod::Memory& memory = entry.facts.memory;
  if (const auto start = base::ParseRfc3339(status.At({"startTime"}).AsString()))
    memory.first_seen = std::min(memory.first_seen, *start);
  for (const json::Value& condition : status.At({"conditions"}).items()) {
    const auto since = base::ParseRfc3339(condition.At({"lastTransitionTime"}).AsString());
    const std::string key =
        condition.At({"type"}).AsString() + "=" + condition.At({"status"}).AsString();
    if (since) memory.condition_changes[key] = *since;
  }
  if (!status::IsTerminal(status)) return;
  memory.final_phase = status.At({"phase"}).AsString();
  memory.admitted = true;
  entry.settled = true;
}

void Agent::Show(Entry& entry, const json::Value& status) {
  if (d_.cluster == nullptr || entry.orphan || entry.settled) return;
  const pod::Memory& memory = entry.facts.memory;
  const auto& containers = entry.facts.observed.containers;
  const bool begins = std::any_of(memory.in_flight.begin(), memory.in_flight.end(),
                                  [](const std::string& key) { return key.starts_with("start/"); });
  const bool runs = std::any_of(containers.begin(), containers.end(), [](const auto& container) {
    return container.state == RunState::kRunning || container.state == RunState::kUnknown;
  });
  // What its containers came to is known now and never again: they are about to be removed.
  if (memory.deletion && !runs && !begins) {
    entry.settled = true;
    d_.cluster->StatusIs(entry.facts.pod, status::Terminated(status));
  } else {
    d_.cluster->StatusIs(entry.facts.pod, status);
  }
}

}  // namespace keelson::lifecycle
