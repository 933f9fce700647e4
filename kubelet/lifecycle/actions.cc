// SPDX-License-Identifier: Apache-2.0
// One action of a pod's plan: how it is begun, and what its end changes.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"
#include "kubelet/lifecycle/events.h"

namespace keelson::lifecycle {
namespace {

using pod::kSecond;

constexpr int64_t kRetry = 5 * kSecond;
constexpr int kHookTries = 3;

// A command of a hook that the runtime was not there to run: no fault of the container's. It is
// tried again when the runtime has been listed, a few times.
bool WasNotAsked(const kube::Pod& pod, const sync::Action& action, const Outcome& outcome) {
  if (outcome.status.error().code() != base::Code::kUnavailable) return false;
  const auto* post_start = std::get_if<sync::PostStart>(&action);
  const auto* pre_stop = std::get_if<sync::PreStop>(&action);
  if (post_start == nullptr && pre_stop == nullptr) return false;
  const kube::Container* container = kube::FindContainer(
      pod.spec, post_start != nullptr ? post_start->container : pre_stop->container);
  if (container == nullptr) return false;
  const auto& handler = post_start != nullptr ? container->post_start : container->pre_stop;
  return handler && std::holds_alternative<kube::ExecAction>(*handler);
}

// As upstream says it: why, where it is to run again, else only that it ends.
std::string KillingWords(const sync::KillContainer& kill) {
  return kill.why.starts_with("Container ") ? kill.why : "Stopping container " + kill.container;
}

bool TouchesRuntime(const sync::Action& action) {
  return !std::holds_alternative<sync::Prepare>(action) &&
         !std::holds_alternative<sync::EnsureImage>(action) &&
         !std::holds_alternative<sync::TearDown>(action) &&
         !std::holds_alternative<sync::PostStart>(action) &&
         !std::holds_alternative<sync::PreStop>(action);
}

// Not of one container's image, start or hooks: its failure holds up the pod, its success ends
// that.
bool OfThePod(const sync::Action& action) {
  return std::holds_alternative<sync::Prepare>(action) ||
         std::holds_alternative<sync::TearDown>(action) ||
         (TouchesRuntime(action) && !std::holds_alternative<sync::StartContainer>(action));
}

}  // namespace

void Agent::Start(const EntryPtr& entry, const sync::Action& action) {
  pod::Memory& memory = entry->facts.memory;
  memory.in_flight.insert(sync::Key(action));
  Context context = entry->context;
  if (std::holds_alternative<sync::Prepare>(action) && memory.volumes_since == 0) {
    memory.volumes_since = Now();
    memory.unmounted.clear();
    for (const kube::Volume& volume : entry->facts.pod.spec.volumes)
      memory.unmounted.push_back(volume.name);
  }
  if (const auto* start = std::get_if<sync::StartContainer>(&action)) {
    memory.containers[start->container].crash = start->crash;
    context.image_ref = entry->image_refs[start->container];
  }
  const std::weak_ptr<Entry> told = entry;
  context.tell = [this, &loop = d_.loop, told](bool warning, const std::string& reason,
                                               const std::string& message) {
    loop.Post([this, told, warning, reason, message] {
      if (const EntryPtr pod = told.lock()) Note(*pod, warning, reason, message);
    });
  };
  if (const auto* sandbox = std::get_if<sync::CreateSandbox>(&action);
      sandbox != nullptr && sandbox->attempt > 0) {
    Note(*entry, false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  }
  if (const auto* kill = std::get_if<sync::KillContainer>(&action)) {
    const auto [known, first] =
        memory.kills.try_emplace(kill->id, pod::KillMemory{Now(), false, kill->why});
    if (first || known->second.why != kill->why)
      Note(*entry, false, "Killing", KillingWords(*kill));
  }
  if (const auto* hook = std::get_if<sync::PreStop>(&action))
    memory.kills.try_emplace(hook->id, pod::KillMemory{Now(), false, "preStop"});
  d_.workers.Post([this, &applier = d_.applier, &loop = d_.loop, entry, action,
                   context = std::move(context), stop = entry->stop_pulls.get_token()] {
    Outcome outcome = applier.Apply(action, context, stop);
    loop.Post(
        [this, entry, action, outcome = std::move(outcome)] { Finish(entry, action, outcome); });
  });
}

void Agent::Fail(Entry& entry, const sync::Action& action, const Outcome& outcome) {
  pod::Memory& memory = entry.facts.memory;
  const std::string& message = outcome.status.error().message();
  const std::string reason = outcome.reason.empty() ? "FailedSync" : outcome.reason;
  const bool given_up = memory.deletion && std::holds_alternative<sync::EnsureImage>(action);
  for (const status::Event& event :
       given_up ? std::vector<status::Event>() : EventsOfFailure(action, outcome, entry.facts.pod))
    Note(entry, event.warning, event.reason, event.message);
  if (const auto* image = std::get_if<sync::EnsureImage>(&action)) {
    pod::ContainerMemory& container = memory.containers[image->container];
    container.pull = pod::Next(container.pull, Now(), Now());
    container.failure = pod::Failure{reason, message, Now(), Now() + container.pull.delay};
    return;
  }
  if (const auto* start = std::get_if<sync::StartContainer>(&action)) {
    // One that was made and ended at once is seen as exited and backs off as a crash, if that is
    // longer.
    pod::ContainerMemory& container = memory.containers[start->container];
    container.image_ready_for.reset();
    container.failure = pod::Failure{reason, message, Now(), Now() + 2 * kRetry};
    return;
  }
  if (const auto* hook = std::get_if<sync::PostStart>(&action)) {
    pod::HookState& state = memory.post_start[hook->id];
    if (WasNotAsked(entry.facts.pod, action, outcome) && ++state.tries < kHookTries) {
      entry.needs_sequence = std::max(entry.needs_sequence, pleg_->Ask());
      return;
    }
    state = {pod::HookState::kFailed, message};
    return;
  }
  if (const auto* hook = std::get_if<sync::PreStop>(&action)) {
    pod::KillMemory& kill = memory.kills[hook->id];
    if (WasNotAsked(entry.facts.pod, action, outcome) && ++kill.hook_tries < kHookTries) {
      entry.needs_sequence = std::max(entry.needs_sequence, pleg_->Ask());
      return;
    }
    kill.pre_stop_done = true;  // its failure is told, and changes nothing
    return;
  }
  if (std::holds_alternative<sync::Prepare>(action)) {
    if (outcome.volume_failures.empty()) memory.volumes_since = 0;  // it did not come to that
    memory.unmounted.clear();
    for (const volume::VolumeFailure& failure : outcome.volume_failures)
      memory.unmounted.push_back(failure.volume);
  }
  memory.pod_failure = pod::Failure{reason, message, Now(), Now() + kRetry};
}

void Agent::Finish(const EntryPtr& entry, const sync::Action& action, const Outcome& outcome) {
  pod::Memory& memory = entry->facts.memory;
  memory.in_flight.erase(sync::Key(action));
  if (outcome.status.ok()) {
    for (const status::Event& event : EventsOfSuccess(action, outcome, entry->facts.pod))
      Note(*entry, event.warning, event.reason, event.message);
  }
  if (!outcome.status.ok()) {
    Fail(*entry, action, outcome);
  } else if (std::holds_alternative<sync::Prepare>(action)) {
    memory.prepared = true;
    memory.volumes_since = 0;
    memory.torn_down = false;
    entry->context.cgroup_parent = outcome.cgroup_parent;
    entry->context.volume_paths = outcome.volume_paths;
    for (const auto& [name, first] : outcome.first_attempts)
      memory.containers[name].first_attempt = first;
  } else if (const auto* image = std::get_if<sync::EnsureImage>(&action)) {
    pod::ContainerMemory& container = memory.containers[image->container];
    container.failure.reset();
    container.pull = {};
    container.image_ready_for = image->attempt;
    entry->image_refs[image->container] = outcome.image_ref;
  } else if (const auto* start = std::get_if<sync::StartContainer>(&action)) {
    memory.containers[start->container].failure.reset();
    const kube::Container* container = kube::FindContainer(entry->facts.pod.spec, start->container);
    if (container != nullptr && container->post_start) memory.post_start[outcome.container_id] = {};
  } else if (const auto* post_start = std::get_if<sync::PostStart>(&action)) {
    memory.post_start[post_start->id].state = pod::HookState::kDone;
  } else if (const auto* pre_stop = std::get_if<sync::PreStop>(&action)) {
    memory.kills[pre_stop->id].pre_stop_done = true;
  } else if (const auto* removed = std::get_if<sync::RemoveContainer>(&action)) {
    std::erase_if(memory.lost,
                  [&](const pod::ContainerFact& lost) { return lost.id == removed->id; });
  } else if (std::holds_alternative<sync::TearDown>(action)) {
    memory.torn_down = !memory.deletion || outcome.logs_removed;
    memory.prepared = false;
  }
  if (outcome.status.ok() && OfThePod(action)) memory.pod_failure.reset();
  if (TouchesRuntime(action)) entry->needs_sequence = std::max(entry->needs_sequence, pleg_->Ask());
  SyncPod(entry->facts.pod.metadata.uid);
}

}  // namespace keelson::lifecycle
