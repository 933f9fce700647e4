// SPDX-License-Identifier: Apache-2.0
// What a container finds mounted: the standard places, its volumes, the pod's files.
#include <sys/mount.h>

#include <algorithm>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/base/weakness.h"
#include "runtime/container/plan_parts.h"
#include "runtime/container/volumes.h"

namespace keelson::container {

using base::Status;
using spec::Mount;

namespace {

constexpr uint64_t kSafe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

void AddStandardMounts(const cri::LinuxContainerSecurityContext& security, Plan& plan) {
  const bool privileged = security.privileged();
  const bool host_ipc = security.namespace_options().ipc() == cri::NODE;
  std::vector<Mount>& mounts = plan.spec.mounts;
  mounts.push_back({.kind = Mount::Kind::kProc, .destination = "/proc", .attributes = kSafe});
  mounts.push_back({.kind = Mount::Kind::kTmpfs,
                    .destination = "/dev",
                    .options = "mode=755,size=65536k",
                    .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME});
  mounts.push_back({.kind = Mount::Kind::kDevpts,
                    .destination = "/dev/pts",
                    .options = "newinstance,ptmxmode=0666,mode=0620,gid=5",
                    .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC});
  if (host_ipc) {
    mounts.push_back({.kind = Mount::Kind::kBind,
                      .destination = "/dev/shm",
                      .source_fd = static_cast<uint32_t>(plan.sources.size()),
                      .attributes = kSafe});
    plan.sources.push_back({.path = "/dev/shm", .field = "/dev/shm"});
  } else {
    mounts.push_back(
        {.kind = Mount::Kind::kPodShm, .destination = "/dev/shm", .attributes = kSafe});
  }
  mounts.push_back(
      {.kind = Mount::Kind::kMqueue, .destination = "/dev/mqueue", .attributes = kSafe});
  const bool writable = privileged || KEELSON_WEAKENED_AT("cgroup-read-only");
  const uint64_t kernel_view = kSafe | (writable ? 0 : MOUNT_ATTR_RDONLY);
  mounts.push_back({.kind = Mount::Kind::kSysfs, .destination = "/sys", .attributes = kernel_view});
  mounts.push_back(
      {.kind = Mount::Kind::kCgroup, .destination = "/sys/fs/cgroup", .attributes = kernel_view});
}

void AddPodFile(const std::string& host_path, const char* container_path, bool read_only_root,
                Plan& plan) {
  if (host_path.empty()) return;
  for (const Mount& mount : plan.spec.mounts) {
    if (mount.destination == container_path) return;  // the container brings its own
  }
  Mount mount;
  mount.kind = Mount::Kind::kBind;
  mount.destination = container_path;
  mount.source_fd = static_cast<uint32_t>(plan.sources.size());
  if (read_only_root) mount.attributes |= MOUNT_ATTR_RDONLY;
  plan.sources.push_back({.path = host_path, .field = container_path});
  plan.spec.mounts.push_back(std::move(mount));
}

// A volume over /etc must not hide one at /etc/hosts that was named before it: parents first,
// equals as given.
void OrderMounts(std::vector<Mount>& mounts, size_t fixed) {
  const auto depth = [](const Mount& mount) {
    return std::count(mount.destination.begin(), mount.destination.end(), '/');
  };
  std::stable_sort(mounts.begin() + static_cast<std::ptrdiff_t>(fixed), mounts.end(),
                   [&](const Mount& a, const Mount& b) { return depth(a) < depth(b); });
}

}  // namespace

Status PlanMounts(const PlanInput& input, Plan& plan) {
  const cri::ContainerConfig& wanted = *input.container;
  spec::ContainerSpec& spec = plan.spec;
  AddStandardMounts(wanted.linux().security_context(), plan);
  const size_t standard = spec.mounts.size();
  ASSIGN_OR_RETURN(
      const spec::UserMapping users,
      PlanUserNamespace(input.sandbox->linux().security_context().namespace_options()));
  for (int i = 0; i < wanted.mounts_size(); ++i)
    RETURN_IF_ERROR(
        AddVolume(wanted.mounts(i), static_cast<size_t>(i), input.volume_images, users, plan));
  for (const CdiMount& mount : input.cdi ? input.cdi->mounts : std::vector<CdiMount>())
    RETURN_IF_ERROR(AddCdiMount(mount, plan));
  if (KEELSON_WEAKENED_AT("image-volumes")) {
    for (const std::string& path : input.image->config.volumes) {
      if (path != spec.mounts.front().destination && path.starts_with('/')) {
        spec.mounts.push_back({.kind = Mount::Kind::kBind,
                               .destination = path,
                               .source_fd = static_cast<uint32_t>(plan.sources.size())});
        plan.sources.push_back({.path = path, .field = "volumes"});
      }
    }
  }
  // A volume at a standard place stands instead of it.
  const auto replaced = [&](const Mount& mount) {
    return std::any_of(
        spec.mounts.begin() + static_cast<std::ptrdiff_t>(standard), spec.mounts.end(),
        [&](const Mount& volume) { return volume.destination == mount.destination; });
  };
  size_t fixed = standard;
  for (size_t i = standard; i-- > 0;) {
    if (!replaced(spec.mounts[i])) continue;
    spec.mounts.erase(spec.mounts.begin() + static_cast<std::ptrdiff_t>(i));
    --fixed;
  }
  AddPodFile(input.pod_files.hosts, "/etc/hosts", spec.read_only_root, plan);
  AddPodFile(input.pod_files.hostname, "/etc/hostname", spec.read_only_root, plan);
  AddPodFile(input.pod_files.resolv_conf, "/etc/resolv.conf", spec.read_only_root, plan);
  OrderMounts(spec.mounts, fixed);
  return base::Ok();
}

}  // namespace keelson::container
