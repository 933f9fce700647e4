// SPDX-License-Identifier: Apache-2.0
// What is done from time to time, whatever pods there are.
#include <algorithm>

#include "kubelet/lifecycle/agent.h"
#include "kubelet/lifecycle/health_record.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::lifecycle {
namespace {

using pod::RunState;

constexpr std::chrono::seconds kRuntimeCheck{5};
constexpr std::chrono::minutes kImageCheck{5};
constexpr std::chrono::minutes kShareCheck{1};
constexpr std::chrono::seconds kVolumeCheck{10};
// Begins as Prepare's key does: nothing of the pod is taken down meanwhile.
const char* const kRefreshKey = "prepare/refresh";
const char* const kHealthKey = "prepare/health";

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
    d_.loop.After(d_.log_check, [self] { self(self); });
  };
  d_.loop.After(d_.log_check, [rotate] { rotate(rotate); });
  const auto share = [this](const auto& self) -> void {
    RefreshShares();
    d_.loop.After(kShareCheck, [self] { self(self); });
  };
  d_.loop.After(kShareCheck, [share] { share(share); });
  if (d_.collect_images) {
    const auto collect = [this](const auto& self, bool remove) -> void {
      CollectImages(remove);
      d_.loop.After(kImageCheck, [self] { self(self, true); });
    };
    d_.loop.After(std::chrono::seconds(0), [collect] { collect(collect, false); });
  }
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
  WatchShortage();
}

void Agent::CheckRuntime() {
  d_.workers.Post([this, &runtime = d_.runtime, &loop = d_.loop] {
    const base::Result<cri::StatusResponse> status = runtime.Status();
    bool ready = false, recursive_read_only = false;
    std::string not_ready;
    std::string message = status.ok() ? "the runtime does not say whether its network is ready"
                                      : status.error().message();
    if (status.ok()) {
      for (const cri::RuntimeHandler& handler : status->runtime_handlers()) {
        recursive_read_only =
            recursive_read_only ||
            (handler.name().empty() && handler.features().recursive_read_only_mounts());
      }
      for (const cri::RuntimeCondition& condition : status->status().conditions()) {
        if (condition.type() == "RuntimeReady" && !condition.status()) {
          not_ready = "container runtime is not ready: " +
                      (condition.message().empty() ? condition.reason() : condition.message());
        }
        if (condition.type() != "NetworkReady") continue;
        ready = condition.status();
        message = condition.message();
      }
    }
    loop.Post([this, ready, message, recursive_read_only, not_ready] {
      d_.view.SetRuntimeNotReady(not_ready);
      d_.view.SetNetworkNotReady(
          ready ? ""
                : "container runtime network not ready: NetworkReady=false message:" + message);
      recursive_read_only_ = recursive_read_only;
      if (network_ready_ != ready)
        base::LogInfo("the runtime's network", {{"ready", ready}, {"message", message}});
      network_ready_ = ready;
      network_message_ = message;
    });
  });
}

void Agent::SaveHealth(const EntryPtr& entry) {
  pod::Memory& memory = entry->facts.memory;
  if (!memory.prepared || memory.deletion) return;
  // Without probes there is nothing to know.
  HealthById probed;
  kube::ForEachContainer(entry->facts.pod.spec, [&](const kube::Container& container) {
    const pod::ContainerFact* fact = pod::Latest(entry->facts.observed, container.name);
    if (fact == nullptr || (!container.readiness_probe && !container.startup_probe)) return;
    if (const auto health = entry->facts.health.find(fact->id); health != entry->facts.health.end())
      probed.insert(*health);
  });
  std::string text = probed.empty() ? "" : WriteHealth(probed);
  if (text == entry->health_saved || !memory.in_flight.insert(kHealthKey).second) return;
  entry->health_saved = text;
  d_.workers.Post([this, &loop = d_.loop, entry, path = HealthFile(entry->facts.pod.metadata.uid),
                   text = std::move(text)] {
    const base::Status written = os::WriteFileAtomic(path, text, 0600);
    FAIL_POINT("kubelet.health.recorded");
    if (!written.ok())
      base::LogWarn(
          "what the probes say is not on the disk: a restart of the kubelet would ask them anew",
          {{"error", written.error()}});
    loop.Post([this, entry] {
      entry->facts.memory.in_flight.erase(kHealthKey);
      SyncPod(entry->facts.pod.metadata.uid);
    });
  });
}

void Agent::CollectImages(bool remove) {
  d_.workers.Post([this, &loop = d_.loop, collect = d_.collect_images, remove] {
    const base::Status done = collect(remove);
    loop.Post([this, text = done.ok() ? std::string() : done.error().message()] {
      if (!text.empty() && text != image_gc_failure_)
        base::LogWarn("images not collected, trying again in five minutes",
                      {{"reason", "ImageGCFailed"}, {"error", text}});
      image_gc_failure_ = text;
    });
  });
}

// The burstable tier weighs as much as its pods ask for together.
void Agent::RefreshShares() {
  int64_t milli_cpu = 0;
  for (const auto& [uid, entry] : entries_) {
    const pod::Facts& facts = entry->facts;
    if (entry->orphan || facts.memory.end || !facts.memory.final_phase.empty()) continue;
    if (node_cgroup::QosOf(facts.pod) != node_cgroup::QosClass::kBurstable) continue;
    const kube::ResourceList requests = node_cgroup::PodRequests(facts.pod);
    if (const auto cpu = requests.find("cpu"); cpu != requests.end())
      milli_cpu += cpu->second.MilliValue();
  }
  d_.workers.Post([&cgroups = d_.cgroups, milli_cpu] {
    if (const base::Status done = cgroups.SetBurstableShares(milli_cpu); !done.ok()) {
      base::LogWarn(
          "the burstable pods' share of the CPUs is not up to date, trying again in a minute",
          {{"error", done.error()}});
    }
  });
}

// When the plan says, and in any case after the sync frequency, give or take half of it.
int64_t Agent::NextLook(const Entry& entry, int64_t now) {
  const double part = std::uniform_real_distribution<double>(0.5, 1.5)(random_);
  const int64_t in_any_case =
      now + static_cast<int64_t>(part * static_cast<double>(d_.sync_frequency.count()));
  return entry.plan.wake_at == 0 ? in_any_case : std::min(entry.plan.wake_at, in_any_case);
}

void Agent::RefreshVolumes() {
  for (const auto& named : entries_) {
    const std::string& uid = named.first;
    const auto& entry = named.second;  // not bindings: a lambda cannot take those along
    pod::Memory& memory = entry->facts.memory;
    if (!memory.prepared || memory.deletion || memory.end || !memory.final_phase.empty() ||
        entry->facts.pod.spec.volumes.empty())
      continue;
    if (!memory.in_flight.insert(kRefreshKey).second) continue;
    d_.workers.Post(
        [this, &applier = d_.applier, &loop = d_.loop, uid, entry, context = entry->context] {
          const base::Status done = applier.Refresh(context);
          loop.Post([this, uid, entry, done] {
            entry->facts.memory.in_flight.erase(kRefreshKey);
            const std::string failure = done.ok() ? "" : done.error().message();
            if (!failure.empty() && failure != entry->refresh_failure)
              Note(*entry, true, "FailedMount", failure);
            entry->refresh_failure = failure;
            SyncPod(uid);
          });
        });
  }
}

void Agent::RotateLogs() {
  for (const auto& [uid, entry] : entries_) {
    for (const pod::ContainerFact& container : entry->facts.observed.containers) {
      if (container.state != RunState::kRunning || container.log_path.empty() ||
          !rotating_.insert(container.id).second)
        continue;
      d_.workers.Post([this, &runtime = d_.runtime, &loop = d_.loop, limits = d_.logs,
                       id = container.id, path = container.log_path, now = Now()] {
        const base::Status done =
            log_rotation::Rotate(path, now, limits, [&] { return runtime.ReopenContainerLog(id); });
        if (!done.ok())
          base::LogWarn("log not rotated, trying again in ten seconds",
                        {{"log", path}, {"error", done.error()}});
        loop.Post([this, id] { rotating_.erase(id); });
      });
    }
  }
}

}  // namespace keelson::lifecycle
