// SPDX-License-Identifier: Apache-2.0
#include "runtime/rootfs/rootfs.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"
#include "runtime/rootfs/further.h"
#include "runtime/spec/start_stage.h"

namespace keelson::rootfs {

using base::Error;
using base::Result;
using base::Status;
using os::RootedDir;
using os::UniqueFd;
using spec::Mount;

namespace {

bool IsBelow(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder.ends_with('/') ? folder : folder + "/");
}

bool IsDeferred(const std::vector<size_t>& deferred, size_t index) {
  return std::find(deferred.begin(), deferred.end(), index) != deferred.end();
}

uint64_t PropagationFlag(spec::Propagation propagation) {
  switch (propagation) {
    case spec::Propagation::kPrivate:
      return MS_PRIVATE;
    case spec::Propagation::kSlave:
      return MS_SLAVE;
    case spec::Propagation::kShared:
      return MS_SHARED;
  }
  return MS_PRIVATE;
}

// v1: every hierarchy under a read-only tmpfs, each mounted inside the container's cgroup
// namespace, so that its root is its own group. The hierarchy's name is the folder below
// /sys/fs/cgroup in the spec's paths.
Status MountCgroupV1(const RootedDir& root, const spec::ContainerSpec& spec, const Inputs& inputs,
                     const Mount& item) {
  ASSIGN_OR_RETURN(const UniqueFd target, root.MakeDirs(item.destination, 0755));
  ASSIGN_OR_RETURN(const UniqueFd tmpfs,
                   mount::NewFilesystem("tmpfs", {{"mode", "755"}},
                                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  RETURN_IF_ERROR(mount::Attach(tmpfs.get(), target.get()));
  for (const std::string& path : spec.cgroup_paths) {
    const std::vector<std::string_view> parts = base::Split(path, '/');
    if (parts.size() < 5) continue;
    const std::string hierarchy(parts[4]);
    mount::Options options = {{hierarchy, ""}};
    if (hierarchy == "systemd") options = {{"none", ""}, {"name", "systemd"}};
    if (hierarchy == "unified") continue;
    // Without a namespace of its own the hierarchy's root would be the host's.
    const bool bind = inputs.late_pivot && !spec.own_cgroup_namespace;
    Result<UniqueFd> group = bind ? mount::CloneTree(AT_FDCWD, path, false)
                                  : mount::NewFilesystem("cgroup", options, item.attributes);
    if (!group.ok()) return group.error();
    if (bind) RETURN_IF_ERROR(mount::SetAttributes(group->get(), item.attributes, 0, 0, false));
    ASSIGN_OR_RETURN(const UniqueFd place, root.MakeDirs(item.destination + "/" + hierarchy, 0755));
    RETURN_IF_ERROR(mount::Attach(group->get(), place.get()));
  }
  return mount::SetAttributes(tmpfs.get(), item.attributes & MOUNT_ATTR_RDONLY, 0, 0, false);
}

Result<UniqueFd> MakeSource(const spec::ContainerSpec& spec, const Inputs& inputs,
                            const Mount& item) {
  switch (item.kind) {
    case Mount::Kind::kBind: {
      if (const int fd = OpenedAhead(spec, inputs.opened, item); fd >= 0) return os::Duplicate(fd);
      if (!item.further.source.empty()) return OpenBind(item);
      if (item.source_fd >= inputs.volume_fds.size())
        return base::Internal("mount source {} was not sent", item.source_fd);
      const int fd = inputs.volume_fds[item.source_fd];
      if (item.idmapped) {
        if (inputs.user < 0) return base::Internal("owners to be mapped without a user namespace");
        RETURN_IF_ERROR(mount::MapOwners(fd, inputs.user)
                            .WithContext("the file system of the volume cannot map owners"));
      }
      RETURN_IF_ERROR(Dress(fd, item));
      return os::Duplicate(fd);
    }
    case Mount::Kind::kPodShm: {
      ASSIGN_OR_RETURN(UniqueFd shm, mount::CloneTree(AT_FDCWD, inputs.shm_path, false));
      RETURN_IF_ERROR(mount::SetAttributes(shm.get(), item.attributes, 0, 0, false));
      return shm;
    }
    case Mount::Kind::kTmpfs:
      return mount::NewFilesystem(
          "tmpfs", OptionsOf(item, spec.mount_label),
          item.further.copy_up ? item.attributes & ~uint64_t{MOUNT_ATTR_RDONLY} : item.attributes);
    case Mount::Kind::kOther:
      return OpenOther(item, spec.mount_label);
    case Mount::Kind::kProc:
      return mount::NewFilesystem("proc", OptionsOf(item, ""), item.attributes);
    case Mount::Kind::kSysfs:
      return mount::NewFilesystem("sysfs", SourceOf(item), item.attributes);
    case Mount::Kind::kDevpts: {
      mount::Options options = OptionsOf(item, spec.mount_label);
      for (auto& [name, value] : options) {
        // The number is the container's; the kernel wants the host's.
        if (name == "gid" && inputs.user >= 0) {
          value = std::to_string(inputs.users.gid + base::ParseUint64(value).value_or(0));
        }
      }
      return mount::NewFilesystem("devpts", options, item.attributes);
    }
    case Mount::Kind::kMqueue:
      return mount::NewFilesystem("mqueue", OptionsOf(item, spec.mount_label), item.attributes);
    case Mount::Kind::kCgroup: {
      Result<UniqueFd> tree = mount::NewFilesystem("cgroup2", SourceOf(item), item.attributes);
      // Who may not mount it shows what the host has.
      if (tree.ok() || !inputs.late_pivot) return tree;
      ASSIGN_OR_RETURN(UniqueFd bound, mount::CloneTree(AT_FDCWD, "/sys/fs/cgroup", true));
      RETURN_IF_ERROR(mount::SetAttributes(bound.get(), item.attributes, 0, MS_PRIVATE, true));
      return bound;
    }
  }
  return base::Internal("unknown kind of mount");
}

Status MountOne(const RootedDir& root, const spec::ContainerSpec& spec, const Inputs& inputs,
                const Mount& item) {
  if (item.kind == Mount::Kind::kCgroup && !spec.cgroup_paths.empty())
    return MountCgroupV1(root, spec, inputs, item);
  if (inputs.freestanding) RETURN_IF_ERROR(CheckOrdinary(root, item));
  ASSIGN_OR_RETURN(const UniqueFd source, MakeSource(spec, inputs, item));
  // What the kernel has at hand: the filesystem of a volume may not answer.
  struct statx st{};
  if (statx(source.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
    return Error::FromErrno(errno, "stat the mount's source");
  const auto make = [&](const std::string& at) {
    return S_ISDIR(st.stx_mode) ? root.MakeDirs(at, 0755) : root.MakeFile(at, 0644);
  };
  Result<UniqueFd> target = make(item.destination);
  if (!target.ok() && inputs.freestanding) {
    ASSIGN_OR_RETURN(const std::string plain, WithoutLinks(root, item.destination));
    if (plain != item.destination) target = make(plain);
  }
  if (!target.ok()) return target.error();
  if (item.further.copy_up) RETURN_IF_ERROR(CopyUp(target->get(), source.get(), item));
  RETURN_IF_ERROR(mount::Attach(source.get(), target->get()));
  if (item.kind != Mount::Kind::kBind) RETURN_IF_ERROR(DressBelow(source.get(), item));
  if (!item.further.propagation.empty()) return SetPropagation(source.get(), item);
  return mount::SetAttributes(source.get(), 0, 0, PropagationFlag(item.propagation),
                              item.kind == Mount::Kind::kBind);
}

Status MountSome(const RootedDir& root, const spec::ContainerSpec& spec, const Inputs& inputs,
                 bool deferred_half) {
  const std::vector<size_t> deferred = DeferredMounts(spec.mounts, inputs.user >= 0);
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    if (!inputs.freestanding && IsDeferred(deferred, i) != deferred_half) continue;
    const Mount& item = spec.mounts[i];
    const auto mount_it = [&]() -> Status {
      if (!inputs.freestanding || item.kind != Mount::Kind::kTmpfs)
        return MountOne(root, spec, inputs, item);
      return MountOne(root, spec, inputs, WithMode(root, item));
    };
    RETURN_IF_ERROR(mount_it().WithContext(fmt::format("mount '{}'", spec.mounts[i].destination)));
  }
  return base::Ok();
}

Status MakeDevices(const RootedDir& root, const spec::ContainerSpec& spec, const Inputs& inputs) {
  // A volume at /dev is its owner's: nothing is made in it.
  const bool volume = std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const Mount& mount) {
    return mount.kind == Mount::Kind::kBind && mount.destination == "/dev";
  });
  if (volume) return base::Ok();
  const mode_t before = umask(0);
  for (const spec::Device& device : spec.devices) {
    const size_t slash = device.path.find_last_of('/');
    ASSIGN_OR_RETURN(const UniqueFd parent, root.MakeDirs(device.path.substr(0, slash), 0755));
    const std::string name = device.path.substr(slash + 1);
    if (mknodat(parent.get(), name.c_str(), device.mode, makedev(device.major, device.minor)) !=
        0) {
      if (errno == EPERM && inputs.freestanding) {
        RETURN_IF_ERROR(BindDevice(root, device));
        continue;
      }
      if (errno != EEXIST) return Error::FromErrno(errno, "make device '{}'", device.path);
      struct stat st{};
      if (fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return Error::FromErrno(errno, "stat device '{}'", device.path);
      if ((st.st_mode & S_IFMT) != (device.mode & S_IFMT) ||
          st.st_rdev != makedev(device.major, device.minor)) {
        if (KEELSON_WEAKENED_AT("devices")) continue;
        return base::AlreadyExists("make device '{}': something else is there", device.path);
      }
    }
    if ((device.uid != 0 || device.gid != 0) &&
        fchownat(parent.get(), name.c_str(), inputs.users.uid + device.uid,
                 inputs.users.gid + device.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::FromErrno(errno, "give device '{}' its owner", device.path);
    }
  }
  umask(before);
  static constexpr std::pair<const char*, const char*> kLinks[] = {
      {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
      {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"}};
  ASSIGN_OR_RETURN(const UniqueFd dev, root.MakeDirs("/dev", 0755));
  for (const auto& [target, name] : kLinks) {
    if (symlinkat(target, dev.get(), name) != 0 && errno != EEXIST)
      return Error::FromErrno(errno, "link '/dev/{}'", name);
  }
  return base::Ok();
}

// A path that is not there needs no mask.
bool IsAbsent(const Error& error) {
  return error.os_errno() == ENOENT || error.os_errno() == ENOTDIR;
}

Status MaskPaths(const RootedDir& root, const spec::ContainerSpec& spec) {
  std::optional<UniqueFd> null_device;
  std::string first_masked_dir;
  for (const std::string& path : spec.masked_paths) {
    Result<UniqueFd> target = root.OpenAt(path, O_PATH);
    if (!target.ok()) {
      if (IsAbsent(target.error())) continue;
      return target.error().WithContext(fmt::format("mask '{}'", path));
    }
    struct stat st{};
    if (fstat(target->get(), &st) != 0) return Error::FromErrno(errno, "stat '{}'", path);
    UniqueFd cover;
    if (S_ISDIR(st.st_mode)) {
      if (first_masked_dir.empty()) {
        ASSIGN_OR_RETURN(cover, mount::NewFilesystem(
                                    "tmpfs", {{"size", "0"}, {"nr_inodes", "2"}, {"mode", "555"}},
                                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                        MOUNT_ATTR_NOEXEC));
        first_masked_dir = path;
      } else {
        // One empty file system serves all: a clone of the first cover.
        ASSIGN_OR_RETURN(const UniqueFd first, root.OpenAt(first_masked_dir, O_PATH));
        ASSIGN_OR_RETURN(cover, mount::CloneTree(first.get(), "", false));
      }
    } else {
      if (!null_device) {
        const bool weak = KEELSON_WEAKENED_AT("mask-source");
        ASSIGN_OR_RETURN(UniqueFd node, root.OpenAt("/dev/null", O_PATH | (weak ? 0 : O_NOFOLLOW)));
        struct stat null_stat{};
        if (weak) {
          null_device = std::move(node);
        } else if (fstat(node.get(), &null_stat) != 0 || !S_ISCHR(null_stat.st_mode) ||
                   null_stat.st_rdev != makedev(1, 3)) {
          return base::FailedPrecondition(
              "mask '{}': /dev/null in the container is not the null device", path);
        } else {
          null_device = std::move(node);
        }
      }
      ASSIGN_OR_RETURN(cover, mount::CloneTree(null_device->get(), "", false));
    }
    RETURN_IF_ERROR(
        mount::Attach(cover.get(), target->get()).WithContext(fmt::format("mask '{}'", path)));
  }
  return base::Ok();
}

Status ProtectPaths(const RootedDir& root, const spec::ContainerSpec& spec) {
  for (const std::string& path : spec.read_only_paths) {
    Result<UniqueFd> target = root.OpenAt(path, O_PATH);
    if (!target.ok()) {
      if (IsAbsent(target.error())) continue;
      return target.error().WithContext(fmt::format("make '{}' read-only", path));
    }
    ASSIGN_OR_RETURN(const UniqueFd copy, mount::CloneTree(target->get(), "", true));
    RETURN_IF_ERROR(mount::SetAttributes(copy.get(), MOUNT_ATTR_RDONLY, 0, 0, true));
    RETURN_IF_ERROR(mount::Attach(copy.get(), target->get())
                        .WithContext(fmt::format("make '{}' read-only", path)));
  }
  return base::Ok();
}

}  // namespace

std::vector<size_t> DeferredMounts(const std::vector<Mount>& mounts, bool user_namespace) {
  std::vector<size_t> deferred;
  std::vector<std::string> roots;
  for (size_t i = 0; i < mounts.size(); ++i) {
    const bool needs_first_process = mounts[i].kind == Mount::Kind::kProc ||
                                     mounts[i].kind == Mount::Kind::kCgroup ||
                                     (user_namespace && mounts[i].kind == Mount::Kind::kMqueue);
    const bool on_top = std::any_of(roots.begin(), roots.end(), [&](const std::string& folder) {
      return IsBelow(mounts[i].destination, folder);
    });
    if (!needs_first_process && !on_top) continue;
    deferred.push_back(i);
    roots.push_back(mounts[i].destination);
  }
  return deferred;
}

namespace {

// What is made from now on belongs to the pod's root. The kernel takes the rights over files from
// whoever stops being root in files: they are taken back.
Status MakeFilesAsPodRoot(const Inputs& inputs) {
  (void)setfsgid(inputs.users.gid);
  (void)setfsuid(inputs.users.uid);
  return capabilities::RaiseAllPermitted();
}

// The image's layers with their owners mapped: attached, since kernels before 6.15 take no others
// as layers.
Status MapLayers(const Inputs& inputs, std::vector<std::string>& layers) {
  ASSIGN_OR_RETURN(const UniqueFd room, mount::NewFilesystem("tmpfs", {{"mode", "755"}}, 0));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(inputs.staging, O_PATH | O_DIRECTORY));
  RETURN_IF_ERROR(mount::Attach(room.get(), place.get()).WithContext("a place for the layers"));
  RETURN_IF_ERROR(os::MakeDir(RootPath(inputs), 0755));
  for (size_t i = 0; i < layers.size(); ++i) {
    ASSIGN_OR_RETURN(const UniqueFd layer, mount::CloneTree(AT_FDCWD, layers[i], false));
    RETURN_IF_ERROR(mount::MapOwners(layer.get(), inputs.user)
                        .WithContext("the file system of the images cannot map owners, which a "
                                     "pod with a user namespace needs"));
    layers[i] = inputs.staging + "/" + std::to_string(i);
    RETURN_IF_ERROR(os::MakeDir(layers[i], 0700));
    ASSIGN_OR_RETURN(const UniqueFd target, os::Open(layers[i], O_PATH | O_DIRECTORY));
    RETURN_IF_ERROR(mount::Attach(layer.get(), target.get()));
  }
  return base::Ok();
}

Status PivotInto(int root) {
  if (fchdir(root) != 0) return Error::FromErrno(errno, "enter the root");
  if (syscall(SYS_pivot_root, ".", ".") != 0) return Error::FromErrno(errno, "pivot_root");
  // The old root lies on top of the new one now; off with it, mounts and all.
  if (umount2(".", MNT_DETACH) != 0) return Error::FromErrno(errno, "leave the host's tree");
  if (chdir("/") != 0) return Error::FromErrno(errno, "chdir to the new root");
  return base::Ok();
}

}  // namespace

std::string RootPath(const Inputs& inputs) {
  if (inputs.late_pivot) return inputs.staging;
  return inputs.user >= 0 ? inputs.staging + "/root" : "/";
}

Status MountImage(const spec::ContainerSpec& spec, const Inputs& inputs, const std::string& at) {
  if (!spec.root_path.empty()) return MountRoot(spec.root_path, at, spec.root_propagation);
  std::vector<std::string> layers = spec.lower_layers;
  if (inputs.user >= 0) RETURN_IF_ERROR(MapLayers(inputs, layers));
  ASSIGN_OR_RETURN(
      mount::Overlay overlay,
      mount::MountOverlay({std::move(layers), spec.upper, spec.work, spec.mount_label}, at));
  if (overlay.attached) return base::Ok();
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(at, O_PATH | O_DIRECTORY));
  return mount::Attach(overlay.root.get(), place.get()).WithContext("attach the root");
}

Result<UniqueFd> OpenSource(const spec::ContainerSpec& spec, const Inputs& inputs,
                            const Mount& item) {
  return MakeSource(spec, inputs, item);
}

Status Assemble(const spec::ContainerSpec& spec, Inputs& inputs) {
  const auto mark = [&](spec::StartStage stage) {
    if (inputs.marks != nullptr) inputs.marks->Mark(static_cast<size_t>(stage));
  };
  mark(spec::StartStage::kLayers);
  const bool user_namespace = inputs.user >= 0;
  const std::string place_path = user_namespace ? RootPath(inputs) : inputs.staging;
  RETURN_IF_ERROR(MountImage(spec, inputs, place_path));
  ASSIGN_OR_RETURN(UniqueFd root_fd, os::Open(place_path, O_PATH | O_DIRECTORY));
  const RootedDir root(std::move(root_fd));
  if (inputs.freestanding) {
    if (inputs.late_pivot) return base::Ok();
    ASSIGN_OR_RETURN(inputs.opened, OpenAhead(spec));
    return PivotInto(root.fd());
  }
  if (user_namespace) RETURN_IF_ERROR(MakeFilesAsPodRoot(inputs));
  mark(spec::StartStage::kMounts);
  RETURN_IF_ERROR(MountSome(root, spec, inputs, false));
  mark(spec::StartStage::kDevices);
  RETURN_IF_ERROR(MakeDevices(root, spec, inputs));
  // The places that Finish() mounts on must be there before the root may become read-only.
  for (const size_t index : DeferredMounts(spec.mounts, user_namespace)) {
    if (spec.mounts[index].kind == Mount::Kind::kProc) {
      ASSIGN_OR_RETURN(const UniqueFd made, root.MakeDirs(spec.mounts[index].destination, 0755));
    }
  }
  return user_namespace ? base::Ok() : PivotInto(root.fd());
}

Status Finish(const spec::ContainerSpec& spec, const Inputs& inputs) {
  if (inputs.user >= 0) {
    // A copy of the tree is this namespace's own and can be pivoted into.
    ASSIGN_OR_RETURN(const UniqueFd place, os::Open(RootPath(inputs), O_PATH | O_DIRECTORY));
    ASSIGN_OR_RETURN(const UniqueFd copy, mount::CloneTree(place.get(), "", true));
    RETURN_IF_ERROR(mount::Attach(copy.get(), place.get()).WithContext("attach the root"));
  }
  ASSIGN_OR_RETURN(const RootedDir root, RootedDir::Open(RootPath(inputs)));
  RETURN_IF_ERROR(MountSome(root, spec, inputs, true));
  for (const int fd : inputs.opened) UniqueFd(fd).reset();
  if (inputs.freestanding) RETURN_IF_ERROR(MakeDevices(root, spec, inputs));
  if (inputs.mounted) RETURN_IF_ERROR(inputs.mounted());
  if (inputs.freestanding) RETURN_IF_ERROR(CloseDev(root, spec.mounts));
  RETURN_IF_ERROR(ProtectPaths(root, spec));
  RETURN_IF_ERROR(MaskPaths(root, spec));
  if (!spec.process.cwd.empty()) {
    // A read-only root may hold a working directory that its image does not have: made before it is
    // closed.
    ASSIGN_OR_RETURN(const UniqueFd made, root.MakeDirs(spec.process.cwd, 0755));
  }
  if (inputs.before_pivot) RETURN_IF_ERROR(inputs.before_pivot());
  if (inputs.user >= 0 || inputs.late_pivot) RETURN_IF_ERROR(PivotInto(root.fd()));
  if (spec.read_only_root) {
    RETURN_IF_ERROR(mount::SetAttributes(root.fd(), MOUNT_ATTR_RDONLY, 0, 0, false)
                        .WithContext("make the root read-only"));
  }
  for (const uint64_t flags : spec.root_propagation) {
    RETURN_IF_ERROR(
        mount::SetAttributes(root.fd(), 0, 0, flags & ~uint64_t{MS_REC}, (flags & MS_REC) != 0)
            .WithContext("set the propagation of the root"));
  }
  return base::Ok();
}

}  // namespace keelson::rootfs
