// SPDX-License-Identifier: Apache-2.0
// What a container is: its plan from image and configuration, its record, its files.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cri-api/cri.h"
#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "runtime/container/volumes.h"
#include "runtime/cri/runtime.h"
#include "runtime/security/identity.h"

namespace keelson::cri_server {

using base::Error;
using base::Result;
using base::Status;
using container::ContainerRecord;
using container::ContainerState;
using container::SandboxState;

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
  const handlers::Handler* const handler = handlers::Find(d_.handlers, sandbox.record.handler);
  input.host_devices = handler == nullptr || !handler->settings.privileged_without_host_devices;
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
        d_.pod_groups->PathOf(sandbox.config.linux().cgroup_parent(), sandbox.record.id,
                              d_.cgroup_prefix + container.record.id + d_.cgroup_suffix));
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
  RETURN_IF_ERROR(CheckHandler(pod.record.handler, config));
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
  FAIL_POINT("runtime.container.directory");
  Status status = os::WriteFileAtomic(unborn + "/record", container::Encode(record), 0600);
  FAIL_POINT("runtime.container.recorded");
  for (const char* part : {"/diff", "/work"}) {
    if (status.ok()) status = os::MakeDir(unborn + part, 0755);
  }
  const spec::UserMapping users =
      container::PlanUserNamespace(pod.config.linux().security_context().namespace_options())
          .ValueOr({});
  if (status.ok() && users.size != 0 &&
      chown((unborn + "/diff").c_str(), users.uid, users.gid) != 0)
    status = Error::FromErrno(errno, "give the container's files to its user namespace");
  FAIL_POINT("runtime.container.parts");
  if (status.ok() && rename(unborn.c_str(), ContainerDir(id).c_str()) != 0)
    status = Error::FromErrno(errno, "name the container's directory");
  if (!status.ok()) {
    (void)os::RemoveTree(unborn);
    return status.error().WithContext(
        fmt::format("create container '{}'", config.metadata().name()));
  }
  FAIL_POINT("runtime.container.named");
  HoldImages(record);
  {
    const std::lock_guard lock(mutex_);
    containers_[id] = made;
  }
  FAIL_POINT("runtime.container.listed");
  Emit(Event::kCreated, id, pod.record.id);
  return id;
}
Status Runtime::RemoveContainer(const std::string& id) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::Ok();
  RETURN_IF_ERROR(StopContainer(container->view.record.id, std::chrono::seconds(0)));
  FAIL_POINT("runtime.container.stopped_to_remove");
  const std::lock_guard operation(container->operation);
  const std::string full = container->view.record.id;
  if (const std::shared_ptr<monitor::MonitorClient> monitor =
          MonitorOf(container->view.record.sandbox_id)) {
    const Status forgotten = monitor->Forget(full);
    if (!forgotten.ok())
      base::LogWarn("the monitor keeps a removed container, it goes with its pod",
                    {{"container", full}, {"error", forgotten.error()}});
  }
  FAIL_POINT("runtime.container.forgotten");
  RETURN_IF_ERROR(cgroup::Group(d_.cgroups, container->view.record.cgroup_path).Remove());
  FAIL_POINT("runtime.container.cgroup_gone");
  RETURN_IF_ERROR(Discard(ContainerDir(full)));
  FAIL_POINT("runtime.container.discarded");
  ReleaseImages(container->view.record);
  FAIL_POINT("runtime.container.images_released");
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
  RETURN_IF_ERROR(monitor->ReopenLog(view.record.id));
  FAIL_POINT("runtime.log.reopened");
  return base::Ok();
}

}  // namespace keelson::cri_server
