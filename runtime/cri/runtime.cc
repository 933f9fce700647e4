// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <tuple>

#include "cri-api/cri.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "runtime/network/pod_namespaces.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;
using container::SandboxRecord;
using container::SandboxState;

Runtime::Runtime(Dependencies dependencies) : d_(std::move(dependencies)) {
  if (!d_.pod_groups) d_.pod_groups = pod_group::MakeCgroupfsGroups(d_.cgroups);
}
Runtime::~Runtime() {
  // The monitors go on without us; only our connections end.
  const std::lock_guard lock(mutex_);
  for (auto& [id, sandbox] : sandboxes_) sandbox->monitor.reset();
}

namespace {

template <typename Map>
typename Map::mapped_type FindByPrefix(const Map& map, const std::string& id) {
  if (id.empty()) return nullptr;
  const auto at = map.lower_bound(id);
  if (at == map.end() || !at->first.starts_with(id)) return nullptr;
  if (at->first != id) {
    const auto next = std::next(at);
    if (next != map.end() && next->first.starts_with(id)) return nullptr;  // more than one
  }
  return at->second;
}

}  // namespace

Runtime::SandboxPtr Runtime::FindSandbox(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return FindByPrefix(sandboxes_, id);
}

Runtime::ContainerPtr Runtime::FindContainer(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return FindByPrefix(containers_, id);
}

std::vector<Runtime::ContainerPtr> Runtime::ContainersOf(const std::string& sandbox_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerPtr> out;
  for (const auto& [id, container] : containers_) {
    if (container->view.record.sandbox_id == sandbox_id) out.push_back(container);
  }
  return out;
}

std::shared_ptr<monitor::MonitorClient> Runtime::MonitorOf(const std::string& sandbox_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = sandboxes_.find(sandbox_id);
  return found == sandboxes_.end() ? nullptr : found->second->monitor;
}

std::shared_ptr<monitor::MonitorClient> Runtime::MonitorOf(const SandboxPtr& sandbox) const {
  const std::lock_guard lock(mutex_);
  return sandbox->monitor;
}

Result<SandboxView> Runtime::GetSandbox(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const SandboxPtr sandbox = FindByPrefix(sandboxes_, id);
  if (!sandbox) return base::NotFound("no pod sandbox '{}'", id);
  return sandbox->view;
}

Result<ContainerView> Runtime::GetContainer(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const ContainerPtr container = FindByPrefix(containers_, id);
  if (!container) return base::NotFound("no container '{}'", id);
  return container->view;
}

std::vector<SandboxView> Runtime::ListSandboxes() const {
  const std::lock_guard lock(mutex_);
  std::vector<SandboxView> out;
  for (const auto& [id, sandbox] : sandboxes_) out.push_back(sandbox->view);
  return out;
}

std::vector<ContainerView> Runtime::ListContainers() const {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerView> out;
  for (const auto& [id, container] : containers_) {
    if (container->view.record.state != ContainerState::kCreating) out.push_back(container->view);
  }
  return out;
}

std::vector<ContainerView> Runtime::ListContainers(const std::string& sandbox_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerView> out;
  for (const auto& [id, container] : containers_) {
    const ContainerRecord& record = container->view.record;
    if (record.sandbox_id == sandbox_id && record.state != ContainerState::kCreating)
      out.push_back(container->view);
  }
  return out;
}

void Runtime::SetEventHandler(EventHandler handler) {
  const std::lock_guard lock(mutex_);
  on_event_ = std::move(handler);
}

void Runtime::Emit(Event event, const std::string& id, const SandboxView& sandbox) {
  EventHandler handler;
  {
    const std::lock_guard lock(mutex_);
    handler = on_event_;
  }
  if (handler) handler(event, id, sandbox);
}

void Runtime::Emit(Event event, const std::string& container_id, const std::string& sandbox_id) {
  if (const Result<SandboxView> sandbox = GetSandbox(sandbox_id); sandbox.ok())
    return Emit(event, container_id, *sandbox);
  SandboxView gone;
  gone.record.id = sandbox_id;
  Emit(event, container_id, gone);
}

// All but what never changes once it is made, and is read without the lock: ids, cgroup, images. A
// field that is added to a record does not compile here until it is named.
static void Replace(SandboxRecord& record, SandboxRecord&& with) {
  auto& [id, state, created_at, config, handler, addresses, boot_id, cgroup_driver] = record;
  state = with.state;
  created_at = with.created_at;
  config = std::move(with.config);
  handler = std::move(with.handler);
  addresses = std::move(with.addresses);
  boot_id = std::move(with.boot_id);
  cgroup_driver = std::move(with.cgroup_driver);
}

static void Replace(ContainerRecord& record, ContainerRecord&& with) {
  auto& [id, sandbox_id, state, created_at, started_at, finished_at, pid, exit_code, reason,
         message, config, image_id, image_ref, cgroup_path, uid, gid, groups, stop_signal,
         resources, volume_images, volume_digests, updating] = record;
  std::tie(state, created_at, started_at, finished_at, pid, exit_code, uid, gid, stop_signal,
           updating) =
      std::tie(with.state, with.created_at, with.started_at, with.finished_at, with.pid,
               with.exit_code, with.uid, with.gid, with.stop_signal, with.updating);
  reason = std::move(with.reason);
  message = std::move(with.message);
  config = std::move(with.config);
  groups = std::move(with.groups);
  resources = std::move(with.resources);
}

Status Runtime::Update(const SandboxPtr& sandbox,
                       const std::function<void(SandboxRecord&)>& change) {
  const std::lock_guard writer(sandbox->record);
  SandboxRecord copy;
  {
    const std::lock_guard lock(mutex_);
    copy = sandbox->view.record;
  }
  change(copy);
  RETURN_IF_ERROR(
      os::WriteFileAtomic(SandboxDir(copy.id) + "/record", container::Encode(copy), 0600));
  const std::lock_guard lock(mutex_);
  Replace(sandbox->view.record, std::move(copy));
  sandbox->item.reset();
  ++changes_;
  return base::Ok();
}

Status Runtime::Update(const ContainerPtr& container,
                       const std::function<void(ContainerRecord&)>& change) {
  const std::lock_guard writer(container->record);
  ContainerRecord copy;
  {
    const std::lock_guard lock(mutex_);
    copy = container->view.record;
  }
  change(copy);
  const Status written =
      os::WriteFileAtomic(ContainerDir(copy.id) + "/record", container::Encode(copy), 0600);
  // An exit is true whether or not the disk takes it; anything else waits for its record.
  if (!written.ok() && copy.state != ContainerState::kExited) return written;
  {
    const std::lock_guard lock(mutex_);
    Replace(container->view.record, std::move(copy));
    container->item.reset();
    ++changes_;
  }
  changed_.notify_all();
  return written;
}

Status Runtime::Discard(const std::string& directory) {
  constexpr int kMostAtOnce = 128;
  const std::string to = TrashDir() + "/" + base::RandomHex(16);
  if (rename(directory.c_str(), to.c_str()) != 0) {
    if (errno == ENOENT && !os::Exists(directory)) return base::Ok();
    return base::Error::FromErrno(errno, "put '{}' aside", directory);
  }
  // Who removes faster than the disk can delete waits for it.
  if (discarded_ >= kMostAtOnce) return os::RemoveTree(to);
  DeleteInBackground(to);
  return base::Ok();
}

void Runtime::DeleteInBackground(const std::string& path) {
  ++discarded_;
  deletions_.Post([this, path] {
    if (const Status removed = os::RemoveTree(path); !removed.ok()) {
      base::LogWarn("removed files cannot be deleted, the next start tries again",
                    {{"path", path}, {"error", removed.error()}});
    }
    --discarded_;
  });
}

// --- exits
// -----------------------------------------------------------------------------------------------------------

void Runtime::OnExit(const monitor::ExitRecord& record) {
  executor_.Post([this, record] { RecordExit(record); });
}

void Runtime::RecordExit(const monitor::ExitRecord& exit) {
  const ContainerPtr container = FindContainer(exit.container_id);
  if (!container) return;
  std::string path;
  std::string sandbox_id;
  {
    const std::lock_guard lock(mutex_);
    if (container->view.record.state >= ContainerState::kExited) return;
    path = container->view.record.cgroup_path;
    sandbox_id = container->view.record.sandbox_id;
  }
  const Status updated = Update(container, [&](ContainerRecord& r) {
    if (r.state >= ContainerState::kExited) return;
    r.state = ContainerState::kExited;
    r.finished_at = exit.finished_at;
    r.exit_code = exit.exit_code;
    r.pid = 0;
    r.reason = exit.lost             ? "Unknown"
               : exit.oom_killed     ? "OOMKilled"
               : exit.exit_code == 0 ? "Completed"
                                     : "Error";
    if (exit.oom_killed) r.message = "a process of the container was killed at its memory limit";
    if (exit.lost)
      r.message = "the exit code was lost together with the processes that would have seen it";
  });
  if (!updated.ok())
    base::LogError("cannot write a container's end",
                   {{"container", exit.container_id}, {"error", updated.error()}});
  if (!path.empty()) (void)cgroup::Group(d_.cgroups, path).Remove();
  base::LogInfo(
      "container ended",
      {{"container", exit.container_id}, {"code", exit.exit_code}, {"oom", exit.oom_killed}});
  {
    const std::lock_guard lock(mutex_);
    container->ended_meanwhile = container->starting;
    if (container->starting) return;
  }
  Emit(Event::kStopped, exit.container_id, sandbox_id);
}

void Runtime::OnMonitorLost(const std::string& sandbox_id) {
  executor_.Post([this, sandbox_id] {
    const SandboxPtr sandbox = FindSandbox(sandbox_id);
    if (!sandbox) return;
    {
      const std::lock_guard lock(mutex_);
      if (sandbox->view.record.state != SandboxState::kReady) return;
    }
    base::LogWarn("a pod's monitor was lost, connecting to its successor", {{"pod", sandbox_id}});
    // Its successor may be lost as well.
    constexpr int kTries = 10;
    for (int i = 0; i < kTries; ++i) {
      const Status status = AdoptSandbox(sandbox);
      if (status.ok()) return;
      if (status.error().code() == base::Code::kNotFound)
        break;  // the anchor died too: nobody will come
      {
        const std::lock_guard lock(mutex_);
        if (sandbox->view.record.state != SandboxState::kReady) return;
      }
      base::LogError("a pod has no monitor, trying again",
                     {{"pod", sandbox_id}, {"error", status.error()}});
      (void)poll(nullptr, 0, 100 << std::min(i, 4));
    }
    // Without it nobody sees the containers end: ended and said so, they can be made anew.
    base::LogError("a pod's monitor cannot be replaced, the pod is stopped", {{"pod", sandbox_id}});
    if (const Status stopped = StopPodSandbox(sandbox_id); !stopped.ok()) {
      base::LogError("a pod without a monitor cannot be stopped",
                     {{"pod", sandbox_id}, {"error", stopped.error()}});
    }
  });
}

Status Runtime::AdoptSandbox(const SandboxPtr& sandbox) {
  const std::string id = sandbox->view.record.id;
  ASSIGN_OR_RETURN(
      std::unique_ptr<monitor::MonitorClient> monitor,
      d_.anchor.AdoptMonitor(
          SetupOf(sandbox->view), [this](const monitor::ExitRecord& record) { OnExit(record); },
          [this, id] { OnMonitorLost(id); }));
  ASSIGN_OR_RETURN(const std::vector<monitor::ContainerState> states, monitor->ListContainers());
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
      }
    } else if (known == nullptr) {
      RecordExit({.container_id = container_id,
                  .exit_code = 255,
                  .lost = true,
                  .finished_at = d_.clock.WallNanos()});
    } else if (known->phase == monitor::ContainerPhase::kExited && known->exit) {
      RecordExit(*known->exit);
    } else if (state == ContainerState::kStarting) {
      RETURN_IF_ERROR(Update(container, [&](ContainerRecord& r) {
        if (r.state != ContainerState::kStarting) return;
        r.state = ContainerState::kRunning;
        r.pid = known->started.pid;
        r.started_at = known->started.started_at;
      }));
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
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> trash, os::ListDir(TrashDir()));
  for (const os::DirEntry& entry : trash) DeleteInBackground(TrashDir() + "/" + entry.name);
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> pods, os::ListDir(d_.state_dir + "/pods"));
  std::vector<std::string> live;
  for (const os::DirEntry& entry : pods) {
    const Result<std::string> bytes = os::ReadFile(SandboxDir(entry.name) + "/record");
    Result<SandboxRecord> record =
        bytes.ok() ? container::DecodeSandboxRecord(*bytes) : Result<SandboxRecord>(bytes.error());
    if (!bytes.ok() && bytes.error().code() == base::Code::kNotFound) {
      // A life ended before the first word about the pod was written, and nothing was made of it.
      RETURN_IF_ERROR(os::RemoveTree(SandboxDir(entry.name)));
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
  }
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> containers,
                   os::ListDir(d_.state_dir + "/containers"));
  for (const os::DirEntry& entry : containers) {
    if (entry.name.starts_with(kUnborn)) {
      RETURN_IF_ERROR(os::RemoveTree(ContainerDir(entry.name)));
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
  }
  std::vector<SandboxPtr> all;
  for (const auto& [id, sandbox] : sandboxes_) all.push_back(sandbox);
  for (const SandboxPtr& sandbox : all) {
    const std::string id = sandbox->view.record.id;
    const SandboxState state = sandbox->view.record.state;
    if (state == SandboxState::kCreating || state == SandboxState::kRemoving) {
      if (!TearDownOrKeep(sandbox)) continue;
      RETURN_IF_ERROR(os::RemoveTree(SandboxDir(id)));
      sandboxes_.erase(id);
      continue;
    }
    Status adopted = base::Ok();
    if (sandbox->view.record.boot_id != d_.boot_id)
      adopted = base::Unavailable("the machine was restarted");
    if (state == SandboxState::kReady && adopted.ok()) adopted = AdoptSandbox(sandbox);
    if (state == SandboxState::kStopped) continue;
    if (state == SandboxState::kReady && adopted.ok()) {
      live.push_back(id);
      continue;
    }
    if (!adopted.ok())
      base::LogWarn("a pod cannot be taken over, it counts as ended",
                    {{"pod", id}, {"error", adopted.error()}});
    for (const ContainerPtr& container : ContainersOf(id)) {
      const ContainerState phase = container->view.record.state;
      if (phase != ContainerState::kRunning && phase != ContainerState::kStarting) continue;
      RETURN_IF_ERROR(Update(container, [&](ContainerRecord& r) {
        r.state = ContainerState::kExited;
        r.exit_code = 255;
        r.pid = 0;
        r.reason = "Unknown";
        r.message = adopted.ok() ? "the pod was being stopped" : adopted.error().message();
        r.finished_at = d_.clock.WallNanos();
      }));
      (void)cgroup::Group(d_.cgroups, container->view.record.cgroup_path).Remove();
    }
    if (!TearDownOrKeep(sandbox)) continue;
    RETURN_IF_ERROR(Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kStopped; }));
  }
  FinishUpdates();
  return d_.network.CollectGarbage(live);
}

}  // namespace keelson::cri_server
