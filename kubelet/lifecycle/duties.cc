// SPDX-License-Identifier: Apache-2.0
// What is done from time to time, whatever pods there are.
#include "kubelet/lifecycle/agent.h"
#include "lib/base/log.h"

namespace keelson::lifecycle {
namespace {

using pod::RunState;

constexpr std::chrono::seconds kRuntimeCheck{5};
constexpr std::chrono::seconds kLogCheck{10};
constexpr std::chrono::seconds kVolumeCheck{10};
// Begins as Prepare's key does: nothing of the pod is taken down meanwhile.
const char* const kRefreshKey = "prepare/refresh";

}  // namespace

void Agent::Begin() {
  const auto check = [this](const auto& self) -> void {
    d_.view.Beat();
    CheckRuntime();
    d_.loop.After(kRuntimeCheck, [self] { self(self); });
  };
  d_.loop.After(std::chrono::seconds(0), [check] { check(check); });
  const auto rotate = [this](const auto& self) -> void {
    RotateLogs();
    d_.loop.After(kLogCheck, [self] { self(self); });
  };
  d_.loop.After(kLogCheck, [rotate] { rotate(rotate); });
  const auto refresh = [this](const auto& self) -> void {
    d_.workers.Post([this, self, reload = d_.reload_objects, &loop = d_.loop] {
      reload();
      loop.Post([this, self] {
        RefreshVolumes();
        d_.loop.After(kVolumeCheck, [self] { self(self); });
      });
    });
  };
  d_.loop.After(kVolumeCheck, [refresh] { refresh(refresh); });
}

void Agent::CheckRuntime() {
  d_.workers.Post([this, &runtime = d_.runtime, &loop = d_.loop] {
    const base::Result<cri::StatusResponse> status = runtime.Status();
    bool ready = false;
    std::string message = status.ok() ? "the runtime does not say whether its network is ready" : status.error().message();
    if (status.ok()) {
      for (const cri::RuntimeCondition& condition : status->status().conditions()) {
        if (condition.type() != "NetworkReady") continue;
        ready = condition.status();
        message = condition.message();
      }
    }
    loop.Post([this, ready, message] {
      if (network_ready_ != ready) base::LogInfo("the runtime's network", {{"ready", ready}, {"message", message}});
      network_ready_ = ready;
      network_message_ = message;
    });
  });
}

void Agent::RefreshVolumes() {
  for (const auto& [uid, entry] : entries_) {
    pod::Memory& memory = entry->facts.memory;
    if (!memory.prepared || memory.deletion || memory.end || !memory.final_phase.empty() || entry->facts.pod.spec.volumes.empty()) continue;
    if (!memory.in_flight.insert(kRefreshKey).second) continue;
    d_.workers.Post([this, &applier = d_.applier, &loop = d_.loop, uid = uid, entry = entry, context = entry->context] {
      const base::Status done = applier.Refresh(context);
      loop.Post([this, uid, entry, done] {
        entry->facts.memory.in_flight.erase(kRefreshKey);
        const std::string failure = done.ok() ? "" : done.error().message();
        if (!failure.empty() && failure != entry->refresh_failure) Note(*entry, true, "FailedMount", failure);
        entry->refresh_failure = failure;
        SyncPod(uid);
      });
    });
  }
}

void Agent::RotateLogs() {
  for (const auto& [uid, entry] : entries_) {
    for (const pod::ContainerFact& container : entry->facts.observed.containers) {
      if (container.state != RunState::kRunning || container.log_path.empty() || !rotating_.insert(container.id).second) continue;
      d_.workers.Post([this, &runtime = d_.runtime, &loop = d_.loop, limits = d_.logs, id = container.id, path = container.log_path, now = Now()] {
        const base::Status done = log_rotation::Rotate(path, now, limits, [&] { return runtime.ReopenContainerLog(id); });
        if (!done.ok()) base::LogWarn("log not rotated, trying again in ten seconds", {{"log", path}, {"error", done.error()}});
        loop.Post([this, id] { rotating_.erase(id); });
      });
    }
  }
}

}  // namespace keelson::lifecycle
