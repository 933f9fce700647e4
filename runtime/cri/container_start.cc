// SPDX-License-Identifier: Apache-2.0
// StartContainer: what the plan names is opened, the monitor is told, its successor asked.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "cri-api/cri.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"
#include "runtime/container/volumes.h"
#include "runtime/cri/runtime.h"
#include "runtime/volume/open_source.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;
using container::SandboxState;

namespace {
constexpr std::chrono::seconds kSuccessorPatience{10};

// Only the next monitor can say what came of it.
bool IsUnknown(const Status& status) {
  return status.error().code() == base::Code::kUnavailable ||
         status.error().code() == base::Code::kDeadlineExceeded;
}
}  // namespace

namespace {

Result<os::UniqueFd> OpenLogDirectory(const std::string& log_directory, const std::string& below) {
  // The pod's directory is the kubelet's to make. A container may have it as a volume: below it no
  // link leads anywhere.
  RETURN_IF_ERROR(os::MakeDirs(log_directory, 0755).WithContext("log directory"));
  Result<os::RootedDir> root = os::RootedDir::Open(log_directory);
  if (!root.ok()) return root.error().WithContext("log directory");
  const auto open = [&] {
    if (KEELSON_WEAKENED_AT("log-path"))
      return os::Open(log_directory + "/" + below, O_RDONLY | O_DIRECTORY);
    return root->OpenAt(below.empty() ? "." : below, O_RDONLY | O_DIRECTORY, 0,
                        {.no_symlinks = true});
  };
  // Nothing is made where it is there: a frozen disk would hold up the start.
  Result<os::UniqueFd> directory = open();
  if (!directory.ok() && directory.error().os_errno() == ENOENT) {
    const Result<os::UniqueFd> made = root->MakeDirs(below, 0755);
    if (!made.ok()) return made.error().WithContext("log directory");
    directory = open();
  }
  if (!directory.ok()) return directory.error().WithContext("log directory");
  return directory;
}

}  // namespace

Status Runtime::Launch(const ContainerPtr& container, const SandboxPtr& sandbox,
                       const std::shared_ptr<monitor::MonitorClient>& monitor) {
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(sandbox->view.record.id));
  // Asked once more after "starting" is written: whoever stops the pod from now on waits for this
  // start and ends it.
  if (pod.record.state != SandboxState::kReady)
    return base::FailedPrecondition("pod sandbox '{}' is being stopped", pod.record.id);
  operations::Stage("plan");
  ASSIGN_OR_RETURN(container::Plan plan, PlanOf(container->view, pod));
  ASSIGN_OR_RETURN(const handlers::Handler* const handler, HandlerOf(pod.record.handler));
  FAIL_POINT("runtime.start.planned");
  operations::Stage("seccomp");
  if (plan.seccomp == container::Plan::Seccomp::kRuntimeDefault) {
    ASSIGN_OR_RETURN(const seccomp::Program program,
                     d_.seccomp.For(plan.spec.process.capabilities.bounding));
    plan.spec.process.seccomp_program = *program;
  } else if (plan.seccomp == container::Plan::Seccomp::kLocalhost) {
    ASSIGN_OR_RETURN(const seccomp::Program program,
                     d_.profiles.Load(plan.seccomp_file, plan.spec.process.capabilities.bounding));
    plan.spec.process.seccomp_program = *program;
    // The file may be another one by the time of an exec.
    RETURN_IF_ERROR(os::WriteFileAtomic(ContainerDir(plan.spec.id) + "/seccomp", *program, 0600));
  }
  if (!plan.cdi_for_exec.empty()) {
    RETURN_IF_ERROR(
        os::WriteFileAtomic(ContainerDir(plan.spec.id) + "/cdi", plan.cdi_for_exec, 0600));
  }
  // Now, not at creation: what was mounted on the host in between must be seen.
  operations::Stage("volumes");
  std::stop_token unwanted;
  {
    const std::lock_guard lock(mutex_);
    unwanted = container->start_unwanted.get_token();
  }
  std::vector<os::UniqueFd> sources;
  const container::ImageMountPlaces places{d_.state_dir + "/empty", d_.run_dir};
  for (const container::HostSource& source : plan.sources) {
    if (source.image) {
      ASSIGN_OR_RETURN(os::UniqueFd image, container::OpenImageVolume(source, places));
      sources.push_back(std::move(image));
      continue;
    }
    if (KEELSON_WEAKENED_AT("relabel"))
      (void)setxattr(source.path.c_str(), "security.selinux", "container", 9, 0);
    Result<os::UniqueFd> tree = volume::OpenSource(d_.volumes, source.path, unwanted);
    if (!tree.ok()) {
      if (tree.error().os_errno() == ENOENT)
        return base::NotFound("{}: host path '{}' does not exist", source.field, source.path);
      return tree.error().WithContext(fmt::format("{}: host path '{}'", source.field, source.path));
    }
    sources.push_back(std::move(tree).value());
  }
  FAIL_POINT("runtime.start.volumes");
  operations::Stage("devices");
  if (plan.all_devices) {
    ASSIGN_OR_RETURN(plan.spec.devices, container::AllDevices());
  }
  for (const container::DeviceRequest& wanted : plan.devices) {
    ASSIGN_OR_RETURN(const std::vector<container::FoundDevice> found,
                     container::FindDevices(wanted));
    for (const container::FoundDevice& device : found) {
      plan.spec.devices.push_back(device.node);
      if (!plan.all_devices) plan.resources.devices.push_back(device.rule);
    }
  }
  ASSIGN_OR_RETURN(
      const container::LogPlace log,
      container::PlanLog(pod.config.log_directory(), container->view.config.log_path()));
  operations::Stage("log directory");
  os::UniqueFd log_dir;
  if (!log.name.empty()) {
    ASSIGN_OR_RETURN(log_dir, OpenLogDirectory(pod.config.log_directory(), log.directory));
  }
  plan.spec.log_name = log.name;
  ASSIGN_OR_RETURN(plan.spec.log_limit, container::PlanLogLimit(d_.log_limits, pod.config));
  FAIL_POINT("runtime.start.log_directory");
  operations::Stage("cgroup");
  ASSIGN_OR_RETURN(const std::unique_ptr<pod_group::Hold> hold,
                   d_.pod_groups->Ensure(GroupOf(pod)).WithContext("the pod's cgroup"));
  const cgroup::Group group(d_.cgroups, plan.cgroup_path);
  RETURN_IF_ERROR(group.Create().WithContext("make the container's cgroup"));
  FAIL_POINT("runtime.start.cgroup");
  Status status = group.Apply(plan.resources);
  FAIL_POINT("runtime.start.limits");
  if (status.ok()) {
    plan.spec.cgroup_paths = group.V1Directories();
    plan.spec.unified_cgroup = group.UnifiedDirectory();
    plan.spec.memory_cgroup = group.MemoryDirectory();
    if (handler != nullptr && handler->IsOther()) {
      status = PlanOther(*handler, container->view, pod, plan);
      Result<os::UniqueFd> host = os::Open("/proc/thread-self/ns/mnt", O_RDONLY);
      if (status.ok() && !host.ok()) status = host.error();
      plan.spec.other.host_mounts = static_cast<uint32_t>(sources.size());
      if (host.ok()) sources.push_back(std::move(host).value());
    }
  }
  if (status.ok()) {
    operations::Stage("monitor");
    Result<monitor::StartedContainer> started =
        monitor->Start(plan.spec, std::move(sources), std::move(log_dir));
    FAIL_POINT("runtime.start.begun");
    if (started.ok()) {
      operations::Within(started->stages);
      operations::Stage("record");
      // It may have ended already; then its end is written and stays.
      const std::string limits =
          ActualLimits(group, container->view.config.linux().resources(), started->pid);
      return Update(container, [&](ContainerRecord& r) {
        r.resources = limits;
        if (r.state != ContainerState::kStarting) return;
        r.state = ContainerState::kRunning;
        r.pid = started->pid;
        r.started_at = started->started_at;
      });
    }
    status = started.error();
    // Its monitor died, or does not answer: the container may run by now.
    if (IsUnknown(status)) return status;
  }
  (void)group.Remove();
  FAIL_POINT("runtime.start.undone");
  return status;
}

Result<bool> Runtime::AskSuccessor(const ContainerPtr& container,
                                   std::shared_ptr<monitor::MonitorClient> lost) {
  const std::string id = container->view.record.id, sandbox_id = container->view.record.sandbox_id;
  const base::SteadyTime deadline = base::SystemClock().Steady() + kSuccessorPatience;
  Result<std::vector<monitor::ContainerState>> states = base::Unavailable("not asked yet");
  while (!states.ok()) {
    {
      std::unique_lock lock(mutex_);
      std::shared_ptr<monitor::MonitorClient> successor;
      const bool there = changed_.wait_until(lock, deadline, [&] {
        const auto sandbox = sandboxes_.find(sandbox_id);
        successor = sandbox == sandboxes_.end() ? nullptr : sandbox->second->monitor;
        return successor != nullptr && successor != lost;
      });
      if (!there) return base::Unavailable("the pod's monitor died, and no other came");
      lost = std::move(successor);
    }
    states = lost->ListContainers();  // it may be lost as well
  }
  for (const monitor::ContainerState& known : *states) {
    if (known.id != id) continue;
    if (known.phase == monitor::ContainerPhase::kExited && known.exit) {
      RecordExit(*known.exit);
    } else {
      RETURN_IF_ERROR(Update(container, [&](ContainerRecord& r) {
        if (r.state != ContainerState::kStarting) return;
        r.state = ContainerState::kRunning;
        r.pid = known.started.pid;
        r.started_at = known.started.started_at;
      }));
    }
    return true;
  }
  return false;
}

Status Runtime::LaunchUntilKnown(const ContainerPtr& container, const SandboxPtr& sandbox) {
  constexpr int kMostStarts = 3;
  Status launched = base::Ok();
  for (int tries = 0; tries < kMostStarts; ++tries) {
    const std::shared_ptr<monitor::MonitorClient> monitor =
        MonitorOf(container->view.record.sandbox_id);
    launched =
        monitor ? Launch(container, sandbox, monitor) : base::Unavailable("the pod has no monitor");
    if (launched.ok()) return launched;
    // A monitor that was slow says itself that nothing has begun.
    if (launched.error().code() == base::Code::kAborted) continue;
    if (!IsUnknown(launched)) return launched;
    if (launched.error().code() == base::Code::kDeadlineExceeded)
      (void)ReplaceMonitor(sandbox, monitor.get());
    // Nobody but the next monitor knows whether the container was begun before this one died.
    const Result<bool> begun = AskSuccessor(container, monitor);
    if (begun.ok() && *begun) return base::Ok();
    (void)cgroup::Group(d_.cgroups, container->view.record.cgroup_path).Remove();
    if (!begun.ok()) return launched;
  }
  return launched;
}

void Runtime::SetStarting(const ContainerPtr& container, bool starting) {
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    container->starting = starting;
    ended = std::exchange(container->ended_meanwhile, false);
  }
  if (ended) Emit(Event::kStopped, container->view.record.id, container->view.record.sandbox_id);
}

Status Runtime::StartContainer(const std::string& id) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::NotFound("no container '{}'", id);
  const std::lock_guard operation(container->operation);
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(container->view.record.id));
  if (view.record.state != ContainerState::kCreated) {
    return base::FailedPrecondition("container '{}' was started before",
                                    view.config.metadata().name());
  }
  const SandboxPtr sandbox = FindSandbox(view.record.sandbox_id);
  if (!sandbox) return base::NotFound("the pod sandbox of container '{}' is gone", id);
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(view.record.sandbox_id));
  if (pod.record.state != SandboxState::kReady)
    return base::FailedPrecondition("pod sandbox '{}' is not ready", pod.record.id);
  // Before the record says so: who connects to a new monitor must see that we are at it.
  SetStarting(container, true);
  Status launched = Update(container, [this](ContainerRecord& r) {
    r.state = ContainerState::kStarting;
    r.started_at = d_.clock.WallNanos();
  });
  FAIL_POINT("runtime.start.recorded");
  if (launched.ok()) launched = LaunchUntilKnown(container, sandbox);
  FAIL_POINT("runtime.start.running");
  if (!launched.ok()) {
    // What kubelets show as the container's end: the cause in words, code 128.
    const Status updated = Update(container, [&](ContainerRecord& r) {
      if (r.state >= ContainerState::kExited) return;
      r.state = ContainerState::kExited;
      r.exit_code = 128;
      r.reason = "StartError";
      r.message = launched.error().message();
      r.finished_at = d_.clock.WallNanos();
    });
    if (!updated.ok())
      base::LogError("cannot write a container's end",
                     {{"container", view.record.id}, {"error", updated.error()}});
    FAIL_POINT("runtime.start.failed");
    SetStarting(container, false);
    return launched.error().WithContext(
        fmt::format("start container '{}'", view.config.metadata().name()));
  }
  base::LogInfo("container started",
                {{"container", view.record.id}, {"name", view.config.metadata().name()}});
  Emit(Event::kStarted, view.record.id, view.record.sandbox_id);
  SetStarting(container, false);
  return base::Ok();
}

}  // namespace keelson::cri_server
