// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/agent.h"

#include <algorithm>

#include "kubelet/lifecycle/events.h"
#include "kubelet/lifecycle/health_record.h"
#include "kubelet/lifecycle/orphan.h"
#include "kubelet/pod/names.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::lifecycle {

using pod::kSecond;
using pod::RunState;

Agent::Agent(AgentDependencies dependencies) : d_(std::move(dependencies)) {}
// What is under way goes on, on workers that end after this object and know only what outlives it;
// pulls end now.
Agent::~Agent() {
  for (const auto& [uid, entry] : entries_) entry->stop_pulls.request_stop();
}

// --- what comes in, from any thread
void Agent::OnFiles(source::FileSet files) {
  d_.loop.Post([this, files = std::move(files)]() mutable {
    if (d_.cluster != nullptr) d_.cluster->StaticPodsAre(files.pods);
    std::erase_if(wanted_, [this](const auto& pod) { return !from_api_.contains(pod.first); });
    for (kube::Pod& pod : files.pods) {
      renewed_.insert(pod.metadata.uid);
      wanted_.emplace(pod.metadata.uid, std::move(pod));
    }
    for (const auto& [file, error] : files.errors) {
      if (!file_errors_.contains(file) || file_errors_.at(file) != error)
        base::LogError("manifest refused", {{"error", error}});
    }
    file_errors_ = files.errors;
    d_.view.SetFileErrors(std::move(files.errors));
    files_ready_ = true;
    Reconcile();
  });
}

void Agent::OnSnapshot(std::shared_ptr<const pleg::Snapshot> snapshot) {
  d_.loop.Post([this, snapshot = std::move(snapshot)] {
    const bool first = snapshot_ == nullptr;
    snapshot_ = snapshot;
    d_.view.SetRuntimeError("");
    d_.view.Listed();
    if (first) CheckRuntime();
    Reconcile();
    std::vector<std::string> changed;
    for (const auto& [uid, entry] : entries_) {
      const auto seen = snapshot->pods.find(uid);
      static const pod::Observed kNothing;
      const bool awaited = entry->needs_sequence != 0;
      if (awaited || entry->facts.observed !=
                         (seen == snapshot->pods.end() ? kNothing : seen->second.observed))
        changed.push_back(uid);
    }
    for (const std::string& uid : changed) SyncPod(uid);
  });
}

void Agent::OnRuntimeError(const base::Error& error) {
  d_.loop.Post([this, text = error.message()] {
    base::LogWarn("the runtime does not answer, retrying in a second", {{"error", text}});
    d_.view.SetRuntimeError(text);
  });
}

void Agent::OnHealth(const std::string& pod_uid) {
  d_.loop.Post([this, pod_uid] { SyncPod(pod_uid); });
}

void Agent::OnProbeFailure(const std::string& pod_uid, const std::string& container,
                           const std::string& text) {
  d_.loop.Post([this, pod_uid, container, text] {
    const auto found = entries_.find(pod_uid);
    if (found == entries_.end()) return;
    const bool warning = text.find(" probe warning: ") != std::string::npos;
    Note(*found->second, true, warning ? "ProbeWarning" : "Unhealthy",
         "container " + container + ": " + text);
  });
}

// --- which pods there are
namespace {

int64_t GraceOf(const kube::Pod& pod) {
  return pod.metadata.deletion_grace_period_seconds.value_or(
      pod.spec.termination_grace_period_seconds);
}

}  // namespace

void Agent::Reconcile() {
  if (!SourcesReady() || snapshot_ == nullptr) return;
  for (const auto& [uid, entry] : entries_) {
    const auto wanted = wanted_.find(uid);
    if (wanted == wanted_.end()) {
      Delete(*entry, entry->facts.pod.spec.termination_grace_period_seconds);
      continue;
    }
    const bool ends = !wanted->second.metadata.deletion_timestamp.empty();
    if (!entry->facts.memory.deletion && renewed_.contains(uid) &&
        wanted->second.object != entry->facts.pod.object) {
      // Its volumes may be others.
      if (wanted->second.object.At({"spec"}) != entry->facts.pod.object.At({"spec"}) ||
          !from_api_.contains(uid))
        entry->facts.memory.prepared = false;
      entry->facts.pod = wanted->second;
      entry->context.pod = wanted->second;
      if (!ends) SyncPod(uid);
    }
    if (ends) Delete(*entry, GraceOf(wanted->second));
  }
  renewed_.clear();
  FAIL_POINT("kubelet.begin.listed");
  AdoptWanted();
  for (const auto& [uid, seen] : snapshot_->pods) {
    if (!entries_.contains(uid) && !wanted_.contains(uid))
      AddOrphan({.name = seen.name, .namespace_name = seen.namespace_name, .uid = uid});
  }
  if (swept_) return;
  FAIL_POINT("kubelet.begin.adopted");
  swept_ = true;
  // Of pods that went while no kubelet ran; the names only the logs know.
  std::map<std::string, kube::ObjectMeta> left;
  for (const os::DirEntry& entry : os::ListDir(d_.node.logs).ValueOr({})) {
    if (const std::optional<kube::ObjectMeta> pod = pod::PodOfLogDirectory(entry.name))
      left.emplace(pod->uid, *pod);
  }
  std::set<std::string> nameless = d_.cgroups.PodsOnNode().ValueOr({});
  for (const std::string& uid : d_.volumes.PodsOnDisk().ValueOr({})) nameless.insert(uid);
  for (const std::string& uid : nameless) {
    kube::ObjectMeta& pod = left[uid];
    if (pod.name.empty()) pod = {.name = "unknown", .namespace_name = "unknown", .uid = uid};
  }
  for (const auto& [uid, pod] : left) {
    if (!entries_.contains(uid) && !wanted_.contains(uid)) AddOrphan(pod);
  }
}

// Those that were taken before keep their room; the others see what is left. One whose name another
// pod still has waits for its end.
void Agent::AdoptWanted() {
  std::vector<const kube::Pod*> others;
  for (const auto& [uid, pod] : wanted_) {
    if (entries_.contains(uid)) continue;
    const auto given = from_api_.find(uid);
    if (given == from_api_.end() || !given->second.finished) others.push_back(&pod);
  }
  if (others.empty()) return;
  std::set<std::string> names;
  for (const auto& [uid, entry] : entries_) names.insert(pod::FullName(entry->facts.pod.metadata));
  for (const bool taken : {true, false}) {
    for (const kube::Pod* pod : others) {
      if (WasTaken(*pod) != taken || names.contains(pod::FullName(pod->metadata))) continue;
      names.insert(pod::FullName(pod->metadata));
      Adopt(*pod);
    }
  }
}

void Agent::Adopt(const kube::Pod& pod) {
  auto entry = std::make_shared<Entry>();
  entry->facts.pod = pod;
  entry->facts.restart_cap = d_.restart_cap;
  entry->context.pod = pod;
  pod::Memory& memory = entry->facts.memory;
  memory.first_seen = Now();
  const auto seen = snapshot_->pods.find(pod.metadata.uid);
  if (seen != snapshot_->pods.end()) {
    for (const pod::SandboxFact& sandbox : seen->second.observed.sandboxes)
      memory.first_seen = std::min(memory.first_seen, sandbox.created_at);
    for (const pod::ContainerFact& container : seen->second.observed.containers)
      entry->adopted.insert(container.id);
    RecallHealth(*entry, HealthFile(pod.metadata.uid));
    Note(*entry, false, "Adopted", "the pod ran before this kubelet did");
  }
  const bool ends = !pod.metadata.deletion_timestamp.empty();
  memory.admitted = WasTaken(pod) || ends;
  if (const auto given = from_api_.find(pod.metadata.uid); given != from_api_.end()) {
    Resume(*entry, given->second.status);
    given->second.status = {};
  }
  if (!memory.admitted) AdmitNew(*entry);
  entries_[pod.metadata.uid] = entry;
  if (ends) Delete(*entry, GraceOf(pod));
  RefreshShares();
  SyncPod(pod.metadata.uid);
}

// What cannot be read is as if it were not there: the probes ask anew.
void Agent::RecallHealth(Entry& entry, const std::string& path) {
  const base::Result<std::string> text = os::ReadFile(path);
  if (!text.ok() && text.error().code() == base::Code::kNotFound) return;
  base::Result<HealthById> health =
      text.ok() ? ReadHealth(*text) : base::Result<HealthById>(text.error());
  if (health.ok()) {
    entry.health_saved = *text;
    entry.health_before = std::move(health).value();
    return;
  }
  base::LogError("what the probes said is not known, put aside; they ask anew",
                 {{"path", path}, {"aside", os::AsidePath(path)}, {"error", health.error()}});
  if (const base::Status moved = os::SetAside(path); !moved.ok())
    base::LogError("it stays where it is", {{"error", moved.error()}});
}

void Agent::AddOrphan(const kube::ObjectMeta& metadata) {
  auto entry = std::make_shared<Entry>();
  entry->orphan = true;
  const auto seen = snapshot_->pods.find(metadata.uid);
  entry->facts.pod =
      OrphanPod(metadata, seen == snapshot_->pods.end() ? pod::Observed() : seen->second.observed);
  entry->context.pod = entry->facts.pod;
  entries_[metadata.uid] = entry;
  Note(*entry, false, "Orphaned", "nothing asks for this pod: it ends");
  Delete(*entry, entry->facts.pod.spec.termination_grace_period_seconds);
}

void Agent::Delete(Entry& entry, int64_t grace_seconds) {
  pod::Memory& memory = entry.facts.memory;
  if (memory.deletion) {  // a later wish may only be for less
    memory.deletion->grace_seconds = std::min(memory.deletion->grace_seconds, grace_seconds);
    return;
  }
  memory.deletion = pod::Deletion{Now(), grace_seconds};
  memory.torn_down = false;  // of a pod that had ended, its logs are still there
  entry.context.deleted = true;
  entry.stop_pulls.request_stop();
  const std::string uid = entry.facts.pod.metadata.uid;
  probes_->EndLivenessAndStartup(uid);
  // Not at once: the caller walks the entries.
  d_.loop.Post([this, uid] { SyncPod(uid); });
}

// --- one pod
void Agent::RefreshHealth(Entry& entry) {
  std::map<std::string, pod::HealthFact> health;
  for (const pod::ContainerFact& fact : entry.facts.observed.containers) {
    const kube::Container* container = kube::FindContainer(entry.facts.pod.spec, fact.name);
    if (fact.state != RunState::kRunning || container == nullptr) {
      if (entry.facts.health.contains(fact.id)) probes_->Forget(fact.id);
      continue;
    }
    // Seen running before its start was reported: whether it has a postStart to wait for is noted
    // then.
    const bool starting = entry.facts.memory.in_flight.contains(
        sync::Key(sync::StartContainer{.container = fact.name}));
    if (!container->liveness_probe && !container->readiness_probe && !container->startup_probe) {
      health[fact.id] = {.started = !starting, .ready = !starting};
      continue;
    }
    if (!entry.facts.memory.deletion) {
      const auto known_before = entry.health_before.find(fact.id);
      const bool adopted = entry.adopted.contains(fact.id);
      const pod::HealthFact before =
          known_before == entry.health_before.end() ? pod::HealthFact() : known_before->second;
      const std::vector<std::string>& ips =
          entry.facts.pod.spec.host_network ? d_.node.names.host_ips : entry.context.pod_ips;
      probes_->Watch({.pod_uid = entry.facts.pod.metadata.uid,
                      .pod_name = entry.facts.pod.metadata.name,
                      .namespace_name = entry.facts.pod.metadata.namespace_name,
                      .container_id = fact.id,
                      .address = ips.empty() ? "127.0.0.1" : ips.front(),
                      .container = *container,
                      .started_at = fact.started_at,
                      .was_ready = before.ready,
                      .was_started = before.started,
                      .spread = adopted});
    }
    const probe::Health now = probes_->Of(fact.id);
    pod::HealthFact& known = health[fact.id];
    known.started = now.started && !starting;
    known.ready = now.ready && !starting;
    if (now.kill) {
      known.kill =
          pod::HealthFact::Kill{now.kill->kind == probe::Kind::kStartup ? "startup" : "liveness",
                                now.kill->grace_seconds};
    }
  }
  entry.facts.health = std::move(health);
}

void Agent::SyncPod(const std::string& uid) {
  const auto found = entries_.find(uid);
  if (found == entries_.end() || snapshot_ == nullptr) return;
  const EntryPtr entry = found->second;
  if (snapshot_->sequence < entry->needs_sequence) return;  // what was done last is not seen yet
  entry->needs_sequence = 0;
  pod::Facts& facts = entry->facts;
  const auto seen = snapshot_->pods.find(uid);
  pod::Observed observed = seen == snapshot_->pods.end() ? pod::Observed{} : seen->second.observed;
  if (!facts.memory.deletion) {
    const bool over = facts.memory.end || !facts.memory.final_phase.empty();
    pod::KeepLost(facts.observed, observed, facts.memory.lost, Now(), over);
  }
  NoteEnds(*entry, observed);
  facts.observed = std::move(observed);
  const auto gone = [&facts](const auto& of_a_container) {
    return std::none_of(facts.observed.containers.begin(), facts.observed.containers.end(),
                        [&](const auto& c) { return c.id == of_a_container.first; });
  };
  std::erase_if(facts.memory.kills, gone);
  std::erase_if(facts.memory.post_start, gone);
  facts.network_ready = network_ready_;
  facts.network_message = network_message_;
  facts.recursive_read_only = entry->context.recursive_read_only = recursive_read_only_;
  entry->context.pod_ips = facts.observed.sandboxes.empty() ? std::vector<std::string>()
                                                            : facts.observed.sandboxes.front().ips;
  RefreshHealth(*entry);
  SaveHealth(entry);
  AwaitRoom(*entry);
  if (!entry->preempted_by.empty())
    d_.loop.Post([this, other = entry->preempted_by] { SyncPod(other); });
  entry->plan = sync::PlanPod(facts, Now());
  if (entry->plan.waits_for_network && !entry->network_told)
    Note(*entry, true, "NetworkNotReady", "network is not ready: " + network_message_);
  entry->network_told = entry->plan.waits_for_network;
  if (entry->plan.volumes_overdue) {
    const status::Event event = VolumesOverdue(facts.memory.unmounted);
    Note(*entry, event.warning, event.reason, event.message);
    facts.memory.volumes_since = Now() + 10 * kSecond;  // as upstream, which begins its sync anew
  }
  if (entry->plan.end && !facts.memory.end) {
    facts.memory.end = entry->plan.end;
    Note(*entry, true, entry->plan.end->reason, entry->plan.end->message);
  }
  if (!entry->plan.final_phase.empty() && facts.memory.final_phase.empty())
    facts.memory.final_phase = entry->plan.final_phase;
  if (entry->plan.forget) {
    FAIL_POINT("kubelet.pod.gone");
    Note(*entry, false, "Gone", "nothing of the pod is left");
    probes_->ForgetPod(uid);
    d_.view.Remove(uid);
    d_.loop.CancelTimer(entry->wake);
    if (d_.cluster != nullptr && !entry->orphan) d_.cluster->Gone(facts.pod);
    if (shortage_) shortage_->Cleaned(uid);
    if (const auto given = from_api_.find(uid); given != from_api_.end())
      given->second.finished = true;
    entries_.erase(found);
    RefreshShares();
    Reconcile();
    return;
  }
  if (shortage_ && facts.memory.torn_down) shortage_->Cleaned(uid);
  for (const sync::Action& action : entry->plan.actions) Start(entry, action);
  d_.loop.CancelTimer(entry->wake);
  const int64_t now = Now();
  const int64_t delay = std::max<int64_t>(NextLook(*entry, now) - now, 0) + kSecond / 1000;
  entry->wake = d_.loop.After(std::chrono::nanoseconds(delay), [this, uid] { SyncPod(uid); });
  Publish(*entry);
}

}  // namespace keelson::lifecycle
