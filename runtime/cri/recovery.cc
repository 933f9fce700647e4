// SPDX-License-Identifier: Apache-2.0
// What an earlier daemon left, taken over: records, monitors, containers that went on; and a
// monitor that is lost meanwhile.
#include <linux/capability.h>
#include <poll.h>

#include <algorithm>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "runtime/cri/runtime.h"
#include "runtime/network/pod_namespaces.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;
using container::SandboxRecord;
using container::SandboxState;

void Runtime::OnMonitorLost(const std::string& sandbox_id) {
  executor_.Post([this, sandbox_id] {
    {
      const std::lock_guard lock(mutex_);
      if (const auto making = making_.find(sandbox_id); making != making_.end()) {
        making->second = true;  // whoever makes it sees to it in the end
        return;
      }
    }
    const SandboxPtr sandbox = FindSandbox(sandbox_id);
    if (!sandbox) return;
    {
      const std::lock_guard lock(mutex_);
      if (sandbox->view.record.state != SandboxState::kReady) return;
    }
    base::LogWarn("a pod's monitor was lost, connecting to its successor", {{"pod", sandbox_id}});
    const Status status = AdoptInTheEnd(sandbox);
    if (status.ok()) return;
    if (status.error().code() == base::Code::kFailedPrecondition) {
      base::LogError("a pod's monitor is of another version; the pod goes on and is left alone",
                     {{"pod", sandbox_id}, {"error", status.error()}});
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (sandbox->view.record.state != SandboxState::kReady) return;
    }
    // Without it nobody sees the containers end: ended and said so, they can be made anew.
    base::LogError("a pod's monitor cannot be replaced, the pod is stopped", {{"pod", sandbox_id}});
    if (const Status stopped = StopPodSandbox(sandbox_id); !stopped.ok()) {
      base::LogError("a pod without a monitor cannot be stopped",
                     {{"pod", sandbox_id}, {"error", stopped.error()}});
    }
  });
}

// A monitor may be lost while it is asked, and its successor as well.
Status Runtime::AdoptInTheEnd(const SandboxPtr& sandbox) {
  constexpr int kTries = 10;
  Status status;
  for (int i = 0; i < kTries; ++i) {
    status = AdoptSandbox(sandbox);
    if (status.ok()) return status;
    // The anchor died too: nobody will come.
    if (status.error().code() == base::Code::kNotFound) return status;
    if (status.error().code() == base::Code::kFailedPrecondition) return status;
    {
      const std::lock_guard lock(mutex_);
      if (sandbox->view.record.state != SandboxState::kReady) return status;
    }
    base::LogError("a pod has no monitor, trying again",
                   {{"pod", sandbox->view.record.id}, {"error", status.error()}});
    (void)poll(nullptr, 0, 100 << std::min(i, 4));
  }
  return status;
}

Status Runtime::AdoptSandbox(const SandboxPtr& sandbox) {
  const std::string id = sandbox->view.record.id;
  ASSIGN_OR_RETURN(
      std::unique_ptr<monitor::MonitorClient> monitor,
      d_.anchor.AdoptMonitor(
          SetupOf(sandbox->view), [this](const monitor::ExitRecord& record) { OnExit(record); },
          [this, id] { OnMonitorLost(id); }));
  FAIL_POINT("runtime.adopt.connected");
  ASSIGN_OR_RETURN(const std::vector<monitor::ContainerState> states, monitor->ListContainers());
  FAIL_POINT("runtime.adopt.listed");
  {
    const std::lock_guard lock(mutex_);
    sandbox->monitor = std::move(monitor);
  }
  changed_.notify_all();
  KillStrangers(id, states);
  for (const ContainerPtr& container : ContainersOf(id)) {
    const std::string container_id = container->view.record.id;
    ContainerState state;
    bool starting = false;
    {
      const std::lock_guard lock(mutex_);
      state = container->view.record.state;
      starting = container->starting;
    }
    if (state != ContainerState::kRunning && state != ContainerState::kStarting) continue;
    const monitor::ContainerState* known = nullptr;
    for (const monitor::ContainerState& candidate : states) {
      if (candidate.id == container_id) known = &candidate;
    }
    if (known == nullptr && state == ContainerState::kStarting) {
      // It has never run. Whoever starts it just now tries again; otherwise it is as it was made.
      if (!starting) {
        RETURN_IF_ERROR(Update(container, [](ContainerRecord& r) {
          r.state = ContainerState::kCreated;
          r.started_at = 0;
        }));
        FAIL_POINT("runtime.adopt.never_begun");
      }
    } else if (known == nullptr) {
      RecordExit({.container_id = container_id,
                  .exit_code = 255,
                  .lost = true,
                  .finished_at = d_.clock.WallNanos()});
    } else if (known->phase == monitor::ContainerPhase::kExited && known->exit) {
      FAIL_POINT("runtime.adopt.ended");
      RecordExit(*known->exit);
    } else if (state == ContainerState::kStarting) {
      RETURN_IF_ERROR(Update(container, [&](ContainerRecord& r) {
        if (r.state != ContainerState::kStarting) return;
        r.state = ContainerState::kRunning;
        r.pid = known->started.pid;
        r.started_at = known->started.started_at;
      }));
      FAIL_POINT("runtime.adopt.begun");
    }
  }
  return base::Ok();
}

// What runs although its start was told as failed, by a monitor that nobody could reach then: the
// next one finds it.
void Runtime::KillStrangers(const std::string& sandbox_id,
                            const std::vector<monitor::ContainerState>& states) {
  const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(sandbox_id);
  for (const monitor::ContainerState& known : states) {
    if (!monitor || known.phase == monitor::ContainerPhase::kExited) continue;
    const ContainerPtr container = FindContainer(known.id);
    {
      const std::lock_guard lock(mutex_);
      if (container && container->view.record.state < ContainerState::kExited) continue;
    }
    base::LogWarn("a container runs that has ended by its record, it is killed",
                  {{"pod", sandbox_id}, {"container", known.id}});
    if (const Status killed = monitor->KillAll(known.id); !killed.ok()) {
      base::LogError("it cannot be killed", {{"container", known.id}, {"error", killed.error()}});
    }
  }
}

// --- recovery
// --------------------------------------------------------------------------------------------------------

void Runtime::Quarantine(const std::string& kind, const std::string& id, const base::Error& why) {
  base::LogError("a record is unreadable and put aside",
                 {{"kind", kind}, {"id", id}, {"error", why}});
  (void)os::MakeDirs(d_.state_dir + "/quarantine", 0700);
  const std::string to = d_.state_dir + "/quarantine/" + kind + "-" + id;
  (void)os::RemoveTree(to);
  (void)rename((d_.state_dir + "/" + kind + "/" + id).c_str(), to.c_str());
}

Status Runtime::Recover() {
  if ((d_.available_capabilities >> CAP_SYS_RESOURCE & 1) == 0) {
    base::LogWarn(
        "this machine does not let OOM scores be lowered nor resource limits be raised; containers "
        "keep what they inherit");
  }
  for (const char* folder : {"/pods", "/containers", "/trash"})
    RETURN_IF_ERROR(os::MakeDirs(d_.state_dir + folder, 0700));
  RETURN_IF_ERROR(os::MakeDirs(d_.run_dir + "/pods", 0700));
  RETURN_IF_ERROR(network::PrepareNamespaceDirectory(PinDir()));
  FAIL_POINT("runtime.recover.directories");
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> trash, os::ListDir(TrashDir()));
  for (const os::DirEntry& entry : trash) DeleteInBackground(TrashDir() + "/" + entry.name);
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> pods, os::ListDir(d_.state_dir + "/pods"));
  FAIL_POINT("runtime.recover.trash");
  std::vector<std::string> live;
  for (const os::DirEntry& entry : pods) {
    const Result<std::string> bytes = os::ReadFile(SandboxDir(entry.name) + "/record");
    Result<SandboxRecord> record =
        bytes.ok() ? container::DecodeSandboxRecord(*bytes) : Result<SandboxRecord>(bytes.error());
    if (!bytes.ok() && bytes.error().code() == base::Code::kNotFound) {
      // A life ended before the first word about the pod was written, and nothing was made of it.
      RETURN_IF_ERROR(os::RemoveTree(SandboxDir(entry.name)));
      FAIL_POINT("runtime.recover.pod_without_record");
      continue;
    }
    const auto sandbox = std::make_shared<Sandbox>();
    if (record.ok() && !sandbox->view.config.ParseFromString(record->config))
      record = base::DataLoss("the pod's configuration is malformed");
    if (!record.ok() || record->id != entry.name) {
      // What it may have left is known by its id alone.
      sandbox->view.record.id = entry.name;
      (void)TearDownSandbox(sandbox);
      Quarantine("pods", entry.name,
                 record.ok() ? base::DataLoss("the record names another pod") : record.error());
      continue;
    }
    if (const SandboxState state = record->state;
        record->boot_id == d_.boot_id && record->cgroup_driver != d_.pod_groups->driver() &&
        (state == SandboxState::kReady || state == SandboxState::kStopping)) {
      return base::FailedPrecondition(
          "pod sandbox '{}' lives in cgroups of the driver {}, which cannot be changed under it: "
          "start with cgroup-driver: {} and remove the pods first",
          entry.name, record->cgroup_driver, record->cgroup_driver);
    }
    sandbox->view.record = std::move(record).value();
    sandboxes_[entry.name] = sandbox;
    FAIL_POINT("runtime.recover.pod_read");
  }
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> containers,
                   os::ListDir(d_.state_dir + "/containers"));
  for (const os::DirEntry& entry : containers) {
    if (entry.name.starts_with(kUnborn)) {
      RETURN_IF_ERROR(os::RemoveTree(ContainerDir(entry.name)));
      FAIL_POINT("runtime.recover.unborn");
      continue;
    }
    const Result<std::string> bytes = os::ReadFile(ContainerDir(entry.name) + "/record");
    Result<ContainerRecord> record = bytes.ok() ? container::DecodeContainerRecord(*bytes)
                                                : Result<ContainerRecord>(bytes.error());
    const auto container = std::make_shared<Container>();
    if (record.ok() && !container->view.config.ParseFromString(record->config))
      record = base::DataLoss("the configuration is malformed");
    if (!record.ok() || record->id != entry.name) {
      Quarantine(
          "containers", entry.name,
          record.ok() ? base::DataLoss("the record names another container") : record.error());
      continue;
    }
    container->view.record = std::move(record).value();
    // A create or a removal that was cut off: the one never happened, the other is finished.
    if (container->view.record.state == ContainerState::kCreating ||
        container->view.record.state == ContainerState::kRemoving) {
      RETURN_IF_ERROR(os::RemoveTree(ContainerDir(entry.name)));
      continue;
    }
    containers_[entry.name] = container;
    HoldImages(container->view.record);
    FAIL_POINT("runtime.recover.container_read");
  }
  // What of a pod without a monitor counts as alive by its record is not.
  const auto end_containers_of = [this](const std::string& sandbox_id, const std::string& reason,
                                        const std::string& message) {
    for (const ContainerPtr& container : ContainersOf(sandbox_id)) {
      const ContainerState phase = container->view.record.state;
      if (phase != ContainerState::kRunning && phase != ContainerState::kStarting) continue;
      const Status written = Update(container, [&](ContainerRecord& r) {
        r.state = ContainerState::kExited;
        r.exit_code = 255;
        r.pid = 0;
        r.reason = reason;
        r.message = message;
        r.finished_at = d_.clock.WallNanos();
      });
      // It has ended whether or not the disk takes it; the next start says so again.
      if (!written.ok())
        base::LogError("cannot write that a container has ended",
                       {{"container", container->view.record.id}, {"error", written.error()}});
      (void)cgroup::Group(d_.cgroups, container->view.record.cgroup_path).Remove();
    }
  };
  std::vector<SandboxPtr> all;
  for (const auto& [id, sandbox] : sandboxes_) all.push_back(sandbox);
  for (const SandboxPtr& sandbox : all) {
    const std::string id = sandbox->view.record.id;
    const SandboxState state = sandbox->view.record.state;
    if (state == SandboxState::kCreating || state == SandboxState::kRemoving) {
      if (!TearDownOrKeep(sandbox)) continue;
      FAIL_POINT("runtime.recover.torn_down");
      RETURN_IF_ERROR(os::RemoveTree(SandboxDir(id)));
      FAIL_POINT("runtime.recover.undone");
      sandboxes_.erase(id);
      continue;
    }
    Status adopted = base::Ok();
    const bool rebooted = sandbox->view.record.boot_id != d_.boot_id;
    if (rebooted) adopted = base::Unavailable("the machine was restarted");
    if (state == SandboxState::kReady && adopted.ok()) {
      adopted = AdoptSandbox(sandbox);
      // Lost while it was asked: it has a successor. One that does not answer has none.
      if (!adopted.ok() && adopted.error().code() == base::Code::kUnavailable)
        adopted = AdoptInTheEnd(sandbox);
    }
    // Ours to refuse, not the pod's to end.
    if (!adopted.ok() && adopted.error().code() == base::Code::kFailedPrecondition)
      return adopted.error().WithContext(
          fmt::format("pod sandbox '{}' was begun by a daemon whose monitors this one cannot speak "
                      "to: start that one and remove the pods first",
                      id));
    if (state == SandboxState::kReady && adopted.ok()) {
      FAIL_POINT("runtime.recover.pod_adopted");
      live.push_back(id);
      continue;
    }
    // Also of a pod that was stopped: its record may have reached the disk before theirs.
    end_containers_of(id, rebooted ? "NodeReboot" : "Unknown",
                      adopted.ok() ? "the pod was being stopped" : adopted.error().message());
    if (state == SandboxState::kStopped) continue;
    if (!adopted.ok())
      base::LogWarn("a pod cannot be taken over, it counts as ended",
                    {{"pod", id}, {"error", adopted.error()}});
    if (!TearDownOrKeep(sandbox)) continue;
    RETURN_IF_ERROR(Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kStopped; }));
    FAIL_POINT("runtime.recover.stopped");
  }
  for (const auto& [id, container] : containers_) {
    if (const std::string& pod = container->view.record.sandbox_id; !sandboxes_.contains(pod))
      end_containers_of(pod, "Unknown", "the record of its pod is lost");
  }
  FAIL_POINT("runtime.recover.pods");
  FinishUpdates();
  RETURN_IF_ERROR(d_.network.CollectGarbage(live));
  FAIL_POINT("runtime.recover.network");
  return base::Ok();
}

}  // namespace keelson::cri_server
