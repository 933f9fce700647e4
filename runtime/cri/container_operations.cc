// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "cri-api/cri.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/rooted_dir.h"
#include "runtime/container/volumes.h"
#include "runtime/cri/runtime.h"
#include "runtime/security/identity.h"
#include "runtime/volume/open_source.h"

namespace keelson::cri_server {

using base::Error;
using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;
using container::SandboxState;

namespace {
constexpr std::chrono::seconds kSuccessorPatience{10};
}

Result<std::shared_ptr<const security::IdentityFiles>> Runtime::IdentitiesOf(
    const image::Image& image) const {
  constexpr size_t kMostImages = 16;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [layers, files] : identities_) {
      if (layers == image.layer_dirs) return files;
    }
  }
  ASSIGN_OR_RETURN(security::IdentityFiles read,
                   security::IdentityFiles::ReadFromLayers(image.layer_dirs));
  auto files = std::make_shared<const security::IdentityFiles>(std::move(read));
  const std::lock_guard lock(mutex_);
  identities_.emplace_front(image.layer_dirs, files);
  if (identities_.size() > kMostImages) identities_.pop_back();
  return files;
}

std::map<size_t, image::Image> Runtime::VolumeImagesOf(const ContainerView& container) const {
  std::map<size_t, image::Image> out;
  size_t next = 0;
  for (int i = 0; i < container.config.mounts_size(); ++i) {
    if (!container::IsImageVolume(container.config.mounts(i))) continue;
    // What was found at creation stays, whatever its name means by now.
    if (next >= container.record.volume_images.size()) break;
    if (std::optional<image::Image> found =
            d_.images.FindHeld(container.record.volume_images[next++]))
      out.emplace(static_cast<size_t>(i), *std::move(found));
  }
  return out;
}

void Runtime::NoteVolumeImages(const cri::ContainerConfig& config, ContainerRecord& record) const {
  for (const cri::Mount& mount : config.mounts()) {
    if (!container::IsImageVolume(mount)) continue;
    const std::optional<image::Image> found = d_.images.Find(mount.image().image());
    record.volume_images.push_back(found ? found->id : "");
    record.volume_digests.push_back(!found                        ? ""
                                    : found->repo_digests.empty() ? found->id
                                                                  : found->repo_digests.front());
  }
}

void Runtime::HoldImages(const ContainerRecord& record) {
  d_.images.Hold(record.image_id, record.id);
  for (size_t i = 0; i < record.volume_images.size(); ++i)
    d_.images.Hold(record.volume_images[i], fmt::format("{}/volume-{}", record.id, i));
}

void Runtime::ReleaseImages(const ContainerRecord& record) {
  d_.images.Release(record.id);
  for (size_t i = 0; i < record.volume_images.size(); ++i)
    d_.images.Release(fmt::format("{}/volume-{}", record.id, i));
}

Result<container::Plan> Runtime::PlanOf(const ContainerView& container,
                                        const SandboxView& sandbox) const {
  const std::optional<image::Image> image = d_.images.FindHeld(container.record.image_id);
  if (!image)
    return base::NotFound("image '{}' is not here: pull it first", container.record.image_ref);
  ASSIGN_OR_RETURN(const std::shared_ptr<const security::IdentityFiles> identities,
                   IdentitiesOf(*image));
  container::PlanInput input;
  input.id = container.record.id;
  input.directory = ContainerDir(container.record.id);
  input.sandbox = &sandbox.config;
  input.container = &container.config;
  input.image = &*image;
  input.identity_files = identities.get();
  input.available_capabilities = d_.available_capabilities;
  const std::string pod = SandboxDir(sandbox.record.id);
  input.pod_files = {pod + "/hostname", pod + "/hosts", pod + "/resolv.conf"};
  input.apparmor = d_.apparmor;
  if (container.config.cdi_devices_size() > 0) {
    if (container.record.state == ContainerState::kRunning) {
      ASSIGN_OR_RETURN(const std::string kept, os::ReadFile(ContainerDir(input.id) + "/cdi"));
      ASSIGN_OR_RETURN(input.cdi, container::DecodeForExec(kept));
    } else {
      std::vector<std::string> names;
      for (const cri::CDIDevice& device : container.config.cdi_devices())
        names.push_back(device.name());
      ASSIGN_OR_RETURN(input.cdi, container::ResolveCdi(d_.cdi_dirs, names));
    }
  }
  input.selinux = selinux_;
  input.volume_images = VolumeImagesOf(container);
  ASSIGN_OR_RETURN(container::Plan plan, container::PlanContainer(input));
  if (input.cdi) plan.cdi_for_exec = container::EncodeForExec(*input.cdi);
  plan.cgroup_path = container.record.cgroup_path;  // once made, it stays where it is
  if (plan.cgroup_path.empty()) {
    ASSIGN_OR_RETURN(
        plan.cgroup_path,
        container::CgroupPath(sandbox.config.linux().cgroup_parent(), sandbox.record.id,
                              d_.cgroup_prefix + container.record.id));
  }
  return plan;
}

Result<std::string> Runtime::CreateContainer(const std::string& sandbox_id,
                                             const cri::ContainerConfig& config) {
  const SandboxPtr sandbox = FindSandbox(sandbox_id);
  if (!sandbox) return base::NotFound("no pod sandbox '{}'", sandbox_id);
  const std::lock_guard operation(sandbox->operation);
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(sandbox->view.record.id));
  if (pod.record.state != SandboxState::kReady)
    return base::FailedPrecondition("pod sandbox '{}' is not ready", sandbox_id);
  if (config.metadata().name().empty())
    return base::InvalidArgument("metadata.name: must be given");
  for (const ContainerPtr& other : ContainersOf(pod.record.id)) {
    // A retry whose first answer was lost joins what it made.
    if (other->view.config.metadata().name() == config.metadata().name() &&
        other->view.config.metadata().attempt() == config.metadata().attempt()) {
      return other->view.record.id;
    }
  }
  const std::optional<image::Image> image = d_.images.Find(config.image().image());
  if (!image)
    return base::NotFound("image '{}' is not here: pull it first", config.image().image());
  RETURN_IF_ERROR(container::PlanLog(pod.config.log_directory(), config.log_path()));

  const auto made = std::make_shared<Container>();
  made->view.config = config;
  ContainerRecord& record = made->view.record;
  record.id = base::NewObjectId();
  record.sandbox_id = pod.record.id;
  record.created_at = d_.clock.WallNanos();
  record.config = config.SerializeAsString();
  record.image_id = image->id;
  record.image_ref = !config.image().user_specified_image().empty()
                         ? config.image().user_specified_image()
                         : config.image().image();
  NoteVolumeImages(config, record);
  ASSIGN_OR_RETURN(const container::Plan plan, PlanOf(made->view, pod));
  RETURN_IF_ERROR(container::CheckImageVolumes(plan.sources));
  if (const std::string& profile = plan.spec.process.apparmor_profile;
      !profile.empty() && profile != d_.apparmor.default_profile) {
    ASSIGN_OR_RETURN(const bool loaded, security::IsProfileLoaded(profile));
    if (!loaded)
      return base::FailedPrecondition("apparmor: the profile '{}' is not loaded", profile);
  }
  record.cgroup_path = plan.cgroup_path;
  record.uid = plan.spec.process.identity.uid;
  record.gid = plan.spec.process.identity.gid;
  record.groups = plan.spec.process.identity.groups;
  record.stop_signal = plan.stop_signal;
  const std::string id = record.id;
  record.state = ContainerState::kCreated;
  // Under another name until it is whole: one rename makes the container.
  const std::string unborn = ContainerDir(kUnborn + id);
  RETURN_IF_ERROR(os::MakeDirs(unborn, 0700));
  Status status = os::WriteFileAtomic(unborn + "/record", container::Encode(record), 0600);
  for (const char* part : {"/diff", "/work"}) {
    if (status.ok()) status = os::MakeDir(unborn + part, 0755);
  }
  const spec::UserMapping users =
      container::PlanUserNamespace(pod.config.linux().security_context().namespace_options())
          .ValueOr({});
  if (status.ok() && users.size != 0 &&
      chown((unborn + "/diff").c_str(), users.uid, users.gid) != 0)
    status = Error::FromErrno(errno, "give the container's files to its user namespace");
  if (status.ok() && rename(unborn.c_str(), ContainerDir(id).c_str()) != 0)
    status = Error::FromErrno(errno, "name the container's directory");
  if (!status.ok()) {
    (void)os::RemoveTree(unborn);
    return status.error().WithContext(
        fmt::format("create container '{}'", config.metadata().name()));
  }
  HoldImages(record);
  {
    const std::lock_guard lock(mutex_);
    containers_[id] = made;
  }
  Emit(Event::kCreated, id, pod.record.id);
  return id;
}

namespace {

Result<os::UniqueFd> OpenLogDirectory(const std::string& log_directory, const std::string& below) {
  // The pod's directory is the kubelet's to make. A container may have it as a volume: below it no
  // link leads anywhere.
  RETURN_IF_ERROR(os::MakeDirs(log_directory, 0755).WithContext("log directory"));
  Result<os::RootedDir> root = os::RootedDir::Open(log_directory);
  if (!root.ok()) return root.error().WithContext("log directory");
  const auto open = [&] {
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
    Result<os::UniqueFd> tree = volume::OpenSource(d_.volumes, source.path, unwanted);
    if (!tree.ok()) {
      if (tree.error().os_errno() == ENOENT)
        return base::NotFound("{}: host path '{}' does not exist", source.field, source.path);
      return tree.error().WithContext(fmt::format("{}: host path '{}'", source.field, source.path));
    }
    sources.push_back(std::move(tree).value());
  }
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
  operations::Stage("cgroup");
  const cgroup::Group group(d_.cgroups, plan.cgroup_path);
  RETURN_IF_ERROR(group.Create().WithContext("make the container's cgroup"));
  Status status = group.Apply(plan.resources);
  if (status.ok()) {
    plan.spec.cgroup_paths = group.V1Directories();
    plan.spec.unified_cgroup = group.UnifiedDirectory();
    plan.spec.memory_cgroup = group.MemoryDirectory();
    operations::Stage("monitor");
    Result<monitor::StartedContainer> started =
        monitor->Start(plan.spec, std::move(sources), std::move(log_dir));
    if (started.ok()) {
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
    // Its monitor died: the container may run by now.
    if (started.error().code() == base::Code::kUnavailable) return status;
  }
  (void)group.Remove();
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
    if (launched.ok() || launched.error().code() != base::Code::kUnavailable) return launched;
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
  if (launched.ok()) launched = LaunchUntilKnown(container, sandbox);
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

void Runtime::StopWaiting() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Status Runtime::AwaitExit(const ContainerPtr& container, base::SteadyTime deadline,
                          bool until_stop) {
  std::unique_lock lock(mutex_);
  const auto over = [&] {
    return container->view.record.state != ContainerState::kRunning &&
           container->view.record.state != ContainerState::kStarting;
  };
  if (changed_.wait_until(lock, deadline, [&] { return (until_stop && stopping_) || over(); })) {
    if (over()) return base::Ok();
    return base::Unavailable("the runtime is stopping; the container's end is not waited for");
  }
  return base::DeadlineExceeded("container '{}' still runs", container->view.record.id);
}

Status Runtime::KillContainer(const ContainerRecord& record) {
  std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(record.sandbox_id);
  Status killed = monitor
                      ? monitor->KillAll(record.id)
                      : base::Unavailable("the pod of container '{}' has no monitor", record.id);
  if (!killed.ok() && killed.error().code() == base::Code::kUnavailable) {
    // It died: its successor does it.
    if (const SandboxPtr sandbox = FindSandbox(record.sandbox_id);
        sandbox && AdoptSandbox(sandbox).ok()) {
      monitor = MonitorOf(sandbox);
      killed = monitor->KillAll(record.id);
    }
  }
  if (killed.ok() || killed.error().code() == base::Code::kNotFound) return base::Ok();
  if (killed.error().code() != base::Code::kUnavailable) return killed;
  // Nobody is left who would see it end: its cgroup knows every process.
  RETURN_IF_ERROR(cgroup::Group(d_.cgroups, record.cgroup_path).Kill());
  RecordExit({.container_id = record.id,
              .exit_code = 255,
              .lost = true,
              .finished_at = d_.clock.WallNanos()});
  return base::Ok();
}

Status Runtime::StopContainer(const std::string& id, std::chrono::seconds timeout) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::Ok();
  const base::SteadyTime now = base::SystemClock().Steady();
  ContainerRecord record;
  bool send = false;
  {
    std::unique_lock lock(mutex_);
    container->start_unwanted.request_stop();
    // A start under way ends soon, one way or the other; only then there is something to stop.
    changed_.wait_until(lock, now + std::chrono::minutes(1),
                        [&] { return container->view.record.state != ContainerState::kStarting; });
    record = container->view.record;
    if (record.state != ContainerState::kRunning && record.state != ContainerState::kStarting)
      return base::Ok();
    // Once: a retry with a shorter time waits shorter, but programs take a second signal as "at
    // once".
    send = timeout.count() > 0 && !container->stop_sent;
    if (send) container->stop_sent = true;
  }
  if (send) {
    const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(record.sandbox_id);
    const Status sent =
        monitor ? monitor->Signal(record.id, record.stop_signal) : base::Unavailable("no monitor");
    if (!sent.ok() && sent.error().code() != base::Code::kUnavailable) return sent;
    if (!sent.ok()) timeout = std::chrono::seconds(0);  // nobody can ask it politely
  }
  operations::Stage("waiting for the container to end");
  if (timeout.count() > 0) {
    const Status ended = AwaitExit(container, now + timeout, true);
    // The time that its program was given is not over because this daemon's is.
    if (ended.ok() || ended.error().code() == base::Code::kUnavailable) return ended;
  }
  operations::Stage("kill");
  RETURN_IF_ERROR(KillContainer(record));
  return AwaitExit(container, base::SystemClock().Steady() + std::chrono::minutes(1));
}

Status Runtime::RemoveContainer(const std::string& id) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::Ok();
  RETURN_IF_ERROR(StopContainer(container->view.record.id, std::chrono::seconds(0)));
  const std::lock_guard operation(container->operation);
  const std::string full = container->view.record.id;
  if (const std::shared_ptr<monitor::MonitorClient> monitor =
          MonitorOf(container->view.record.sandbox_id)) {
    const Status forgotten = monitor->Forget(full);
    if (!forgotten.ok())
      base::LogWarn("the monitor keeps a removed container, it goes with its pod",
                    {{"container", full}, {"error", forgotten.error()}});
  }
  RETURN_IF_ERROR(cgroup::Group(d_.cgroups, container->view.record.cgroup_path).Remove());
  RETURN_IF_ERROR(Discard(ContainerDir(full)));
  ReleaseImages(container->view.record);
  {
    const std::lock_guard lock(mutex_);
    if (containers_.erase(full) == 0) return base::Ok();  // two removed it at once
  }
  Emit(Event::kDeleted, full, container->view.record.sandbox_id);
  return base::Ok();
}

Status Runtime::ReopenContainerLog(const std::string& id) {
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(id));
  if (view.record.state != ContainerState::kRunning)
    return base::FailedPrecondition("container '{}' does not run", id);
  const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(view.record.sandbox_id);
  if (!monitor) return base::Unavailable("the pod of container '{}' has no monitor", id);
  return monitor->ReopenLog(view.record.id);
}

namespace {

constexpr size_t kExecOutputLimit = 16u << 20;

// Reads both pipes until they end, or until `stop` is raised and nothing more waits in them: a
// grandchild may hold them for ever. Beyond the limit output is read and dropped, so that the
// command goes on.
void ReadOutputs(int out, int err, int stop, ExecOutput& into) {
  pollfd items[3] = {{out, POLLIN, 0}, {err, POLLIN, 0}, {stop, POLLIN, 0}};
  std::string* const texts[2] = {&into.out, &into.err};
  char buffer[65536];
  bool stopped = false;
  while (items[0].fd >= 0 || items[1].fd >= 0) {
    const int ready = poll(items, 3, stopped ? 0 : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return;
    bool progress = false;
    for (int i = 0; i < 2; ++i) {
      if (items[i].fd < 0 || items[i].revents == 0) continue;
      progress = true;
      const ssize_t n = read(items[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        texts[i]->append(buffer,
                         std::min(static_cast<size_t>(n), kExecOutputLimit - texts[i]->size()));
      } else if (n == 0 || errno != EINTR) {
        items[i].fd = -1;
      }
    }
    if (items[2].revents != 0) {
      stopped = true;
      items[2].fd = -1;
    } else if (stopped && !progress) {
      return;
    }
  }
}

}  // namespace

Result<ExecOutput> Runtime::ExecSync(const std::string& id, const std::vector<std::string>& command,
                                     std::chrono::seconds timeout, std::stop_token stop) {
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(id));
  if (view.record.state != ContainerState::kRunning)
    return base::FailedPrecondition("container '{}' does not run", id);
  if (command.empty()) return base::InvalidArgument("cmd: must name a command");
  const SandboxPtr sandbox = FindSandbox(view.record.sandbox_id);
  if (!sandbox) return base::NotFound("the pod sandbox of container '{}' is gone", id);
  {
    const std::lock_guard lock(mutex_);
    if (sandbox->execs >= kMostExecs)
      return base::ResourceExhausted("exec: {} commands run in this pod already", kMostExecs);
    ++sandbox->execs;
  }
  Result<ExecOutput> output = ExecNow(view, command, timeout, stop);
  const std::lock_guard lock(mutex_);
  --sandbox->execs;
  return output;
}

Result<monitor::ExecRequest> Runtime::ExecRequestFor(
    const ContainerView& view, const std::vector<std::string>& command) const {
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(view.record.sandbox_id));
  ASSIGN_OR_RETURN(container::Plan plan, PlanOf(view, pod));
  monitor::ExecRequest request;
  request.container_id = view.record.id;
  request.process = std::move(plan.spec.process);
  request.process.args = command;
  request.process.terminal = false;
  if (plan.seccomp == container::Plan::Seccomp::kRuntimeDefault) {
    ASSIGN_OR_RETURN(const seccomp::Program program,
                     d_.seccomp.For(request.process.capabilities.bounding));
    request.process.seccomp_program = *program;
  } else if (plan.seccomp == container::Plan::Seccomp::kLocalhost) {
    ASSIGN_OR_RETURN(request.process.seccomp_program,
                     os::ReadFile(ContainerDir(view.record.id) + "/seccomp").WithContext("exec"));
  }
  return request;
}

Result<ExecOutput> Runtime::ExecNow(const ContainerView& view,
                                    const std::vector<std::string>& command,
                                    std::chrono::seconds timeout, const std::stop_token& stop) {
  const std::string& id = view.record.id;
  const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(view.record.sandbox_id);
  if (!monitor) return base::Unavailable("the pod of container '{}' has no monitor", id);
  ASSIGN_OR_RETURN(monitor::ExecRequest request, ExecRequestFor(view, command));
  request.stop = stop;
  request.timeout = timeout;
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe err, os::CreatePipe());
  request.out = std::move(out.write_end);
  request.err = std::move(err.write_end);
  const os::UniqueFd over(eventfd(0, EFD_CLOEXEC));
  if (!over) return Error::FromErrno(errno, "eventfd");
  ExecOutput output;
  std::thread reader(
      [&] { ReadOutputs(out.read_end.get(), err.read_end.get(), over.get(), output); });
  operations::Stage("waiting for the command");
  const Result<monitor::ExecResult> result = monitor->Exec(std::move(request));
  const uint64_t one = 1;
  (void)!write(over.get(), &one, sizeof one);
  reader.join();
  if (!result.ok()) return result.error().WithContext("exec");
  if (stop.stop_requested()) return base::Cancelled("exec: nobody waits for '{}'", command[0]);
  if (result->timed_out)
    return base::DeadlineExceeded("exec: '{}' did not end within {} s", command[0],
                                  timeout.count());
  output.exit_code = result->exit_code;
  return output;
}

}  // namespace keelson::cri_server
