// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime.h"

#include <cerrno>
#include <tuple>

#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/os/files.h"

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
  const Status written =
      os::WriteFileAtomic(SandboxDir(copy.id) + "/record", container::Encode(copy), 0600);
  // A full disk must not keep a pod from ending: its next owner would find it ready, and end it.
  if (!written.ok()) {
    if (copy.state < SandboxState::kStopping) return written;
    base::LogError("cannot write that a pod ends; it ends nevertheless",
                   {{"pod", copy.id}, {"error", written.error()}});
  }
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
  FAIL_POINT("runtime.trash.named");
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
    FAIL_POINT("runtime.trash.deleted");
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
  FAIL_POINT("runtime.exit.told");
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
  FAIL_POINT("runtime.exit.recorded");
  if (!path.empty()) (void)cgroup::Group(d_.cgroups, path).Remove();
  FAIL_POINT("runtime.exit.cgroup_gone");
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

}  // namespace keelson::cri_server
