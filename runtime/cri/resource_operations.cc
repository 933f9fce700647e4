// SPDX-License-Identifier: Apache-2.0
// Limits changed while containers live. The record says what is wanted before the kernel is told,
// and what the kernel made of it afterwards; a refusal leaves both as they were.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "cri-api/cri.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/container/resources.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;

namespace {

struct Score {
  os::UniqueFd process;  // of procfs: names this very process, also when its number is used again
  std::string former;
};

// Every process of the group, one after another; the host's procfs, never a container's. Where this
// machine does not let scores be lowered they stay, as at a start.
Status SetOomScore(const cgroup::Group& group, int32_t score) {
  struct statfs kind{};
  if (statfs("/proc", &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC)
    return base::FailedPrecondition("oom_score_adj: /proc is no procfs");
  ASSIGN_OR_RETURN(const std::vector<int> processes, group.Processes());
  for (const int pid : processes) {
    Result<os::UniqueFd> process = os::Open("/proc/" + std::to_string(pid), O_PATH | O_DIRECTORY);
    if (!process.ok()) continue;  // ended
    // Opened, then asked for again: the number was not another's in between.
    ASSIGN_OR_RETURN(const std::vector<int> now, group.Processes());
    if (std::find(now.begin(), now.end(), pid) == now.end()) continue;
    const Status written = os::WriteControl(process->get(), "oom_score_adj", std::to_string(score));
    if (written.ok()) continue;
    const int code = written.error().os_errno();
    if (code == EACCES || code == EPERM || code == ENOENT || code == ESRCH) continue;
    return written.error().WithContext("oom_score_adj");
  }
  return base::Ok();
}

cri::LinuxContainerResources& LimitsOf(cri::ContainerConfig& config) {
  return *config.mutable_linux()->mutable_resources();
}

}  // namespace

std::string Runtime::ActualLimits(const cgroup::Group& group,
                                  const cri::LinuxContainerResources& asked, int32_t pid) const {
  const Result<cgroup::Resources> like = container::ToCgroup(asked);
  if (!like.ok()) return "";
  cri::LinuxContainerResources actual = container::Actual(asked, group.Read(*like));
  if (pid > 0 && asked.oom_score_adj() != 0) {
    const Result<std::string> score =
        os::ReadFile("/proc/" + std::to_string(pid) + "/oom_score_adj", 64);
    if (score.ok())
      actual.set_oom_score_adj(
          base::ParseInt64(base::Trim(*score)).value_or(asked.oom_score_adj()));
  }
  return actual.SerializeAsString();
}

Status Runtime::SetLimits(const ContainerPtr& container,
                          const std::function<void(ContainerRecord&)>& change,
                          const cri::LinuxContainerResources& limits) {
  RETURN_IF_ERROR(Update(container, change));
  const std::lock_guard lock(mutex_);
  // Nothing else of the configuration ever changes: whoever reads that needs no lock.
  LimitsOf(container->view.config) = limits;
  container->command.reset();
  return base::Ok();
}

Status Runtime::UpdateContainerResources(const std::string& id,
                                         const cri::LinuxContainerResources& change) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::NotFound("no container '{}'", id);
  const std::lock_guard operation(container->operation);
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(container->view.record.id));
  const ContainerState state = view.record.state;
  if (state != ContainerState::kCreated && state != ContainerState::kRunning) {
    return base::FailedPrecondition("container '{}' has ended: it has no limits to change",
                                    view.config.metadata().name());
  }
  ASSIGN_OR_RETURN(const cgroup::Resources limits,
                   container::ToCgroup(change).WithContext("update resources"));
  cri::ContainerConfig wanted = view.config;
  container::Merge(change, LimitsOf(wanted));
  const std::string former = view.record.config, former_actual = view.record.resources;
  RETURN_IF_ERROR(SetLimits(
      container,
      [&](ContainerRecord& r) {
        r.config = wanted.SerializeAsString();
        r.updating = true;
      },
      wanted.linux().resources()));
  FAIL_POINT("runtime.resources.recorded");
  const cgroup::Group group(d_.cgroups, view.record.cgroup_path);
  Status updated = base::Ok();
  std::string actual;
  if (state == ContainerState::kRunning) {
    updated = group.Update(limits);
    if (updated.ok() && change.oom_score_adj() != 0) {
      updated = SetOomScore(
          group, static_cast<int32_t>(std::clamp<int64_t>(change.oom_score_adj(), -1000, 1000)));
    }
    if (updated.ok()) actual = ActualLimits(group, wanted.linux().resources(), view.record.pid);
  } else {
    // Its group is made when it starts. Tried on an empty one now, so that a limit that the kernel
    // refuses is refused here.
    ASSIGN_OR_RETURN(const cgroup::Resources all, container::ToCgroup(wanted.linux().resources()));
    const Result<std::unique_ptr<pod_group::Hold>> hold =
        d_.pod_groups->Ensure(GroupOf(GetSandbox(view.record.sandbox_id).ValueOr({})));
    updated = hold.ok() ? group.Create() : Status(hold.error());
    if (updated.ok()) updated = group.Apply(all);
    if (updated.ok()) actual = ActualLimits(group, wanted.linux().resources(), 0);
    const Status removed = group.Remove();
    if (updated.ok()) updated = removed;
  }
  FAIL_POINT("runtime.resources.set");
  RETURN_IF_ERROR(SetLimits(
      container,
      [&](ContainerRecord& r) {
        r.config = updated.ok() ? wanted.SerializeAsString() : former;
        r.resources = updated.ok() ? actual : former_actual;
        r.updating = false;
      },
      updated.ok() ? wanted.linux().resources() : view.config.linux().resources()));
  FAIL_POINT("runtime.resources.done");
  if (!updated.ok()) {
    return updated.error().WithContext(
        fmt::format("update resources of container '{}'", view.config.metadata().name()));
  }
  return base::Ok();
}

void Runtime::FinishUpdates() {
  for (const auto& [id, container] : containers_) {
    const ContainerRecord& record = container->view.record;
    if (!record.updating) continue;
    std::string actual = record.resources;
    if (record.state == ContainerState::kRunning) {
      const cgroup::Group group(d_.cgroups, record.cgroup_path);
      const cri::LinuxContainerResources& wanted = container->view.config.linux().resources();
      const Result<cgroup::Resources> limits = container::ToCgroup(wanted);
      const Status updated = limits.ok() ? group.Update(*limits) : Status(limits.error());
      if (!updated.ok())
        base::LogWarn("limits whose change was cut off stay as the kernel has them",
                      {{"container", id}, {"error", updated.error()}});
      actual = ActualLimits(group, wanted, record.pid);
    }
    FAIL_POINT("runtime.recover.limits");
    const Status written = Update(container, [&](ContainerRecord& r) {
      r.resources = actual;
      r.updating = false;
    });
    if (!written.ok())
      base::LogWarn("cannot write a container's limits",
                    {{"container", id}, {"error", written.error()}});
  }
}

Status Runtime::UpdatePodSandboxResources(const std::string& id,
                                          const cri::LinuxContainerResources* overhead,
                                          const cri::LinuxContainerResources* resources) {
  const SandboxPtr sandbox = FindSandbox(id);
  if (!sandbox) return base::NotFound("no pod sandbox '{}'", id);
  const std::lock_guard operation(sandbox->operation);
  ASSIGN_OR_RETURN(const SandboxView view, GetSandbox(sandbox->view.record.id));
  if (view.record.state != container::SandboxState::kReady)
    return base::FailedPrecondition("pod sandbox '{}' is not ready", id);
  // The pod's group is its parent's owner's, who has changed it: remembered and shown, not applied.
  cri::PodSandboxConfig config = view.config;
  if (overhead != nullptr) *config.mutable_linux()->mutable_overhead() = *overhead;
  if (resources != nullptr) *config.mutable_linux()->mutable_resources() = *resources;
  RETURN_IF_ERROR(
      Update(sandbox, [&](container::SandboxRecord& r) { r.config = config.SerializeAsString(); }));
  const std::lock_guard lock(mutex_);
  *sandbox->view.config.mutable_linux()->mutable_overhead() = config.linux().overhead();
  *sandbox->view.config.mutable_linux()->mutable_resources() = config.linux().resources();
  return base::Ok();
}

}  // namespace keelson::cri_server
