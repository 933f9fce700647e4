// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/sub_path.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "kubelet/volume/mounts.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::volume {
namespace {

using base::Result;
using base::Status;
using os::UniqueFd;

Result<UniqueFd> OpenPart(const std::string& volume_path, const std::string& sub_path) {
  ASSIGN_OR_RETURN(const os::RootedDir volume, os::RootedDir::Open(volume_path));
  Result<UniqueFd> part = volume.OpenAt(sub_path, O_PATH);
  if (part.ok() || part.error().code() != base::Code::kNotFound) return part;
  struct stat st{};
  if (fstat(volume.fd(), &st) != 0)
    return base::Error::FromErrno(errno, "look at '{}'", volume_path);
  return volume.MakeDirs(sub_path, st.st_mode & 07777);
}

Status MakeTarget(const std::string& target, bool directory) {
  if (directory) return os::MakeDirs(target, 0750);
  RETURN_IF_ERROR(os::MakeDirs(target.substr(0, target.rfind('/')), 0750));
  const Result<UniqueFd> made = os::Open(target, O_WRONLY | O_CREAT | O_NOFOLLOW, 0640);
  return made.ok() ? Status() : Status(made.error());
}

}  // namespace

Status BindSubPath(const std::string& volume_path, const std::string& sub_path,
                   const std::string& target) {
  ASSIGN_OR_RETURN(const UniqueFd part, OpenPart(volume_path, sub_path));
  struct stat st{};
  if (fstat(part.get(), &st) != 0)
    return base::Error::FromErrno(errno, "look at '{}' of the volume", sub_path);
  // Containers hold mounts of their own: those of a former run see nothing of the exchange.
  if (IsMountPoint(target) && umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0) {
    return base::Error::FromErrno(errno, "unmount '{}'", target);
  }
  if (os::Exists(target)) RETURN_IF_ERROR(os::RemoveTree(target));
  RETURN_IF_ERROR(MakeTarget(target, S_ISDIR(st.st_mode)));
  ASSIGN_OR_RETURN(const UniqueFd tree,
                   mount::CloneTree(AT_FDCWD, "/proc/self/fd/" + std::to_string(part.get()), true));
  RETURN_IF_ERROR(mount::SetAttributes(tree.get(), 0, 0, MS_PRIVATE, true));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(target, O_PATH | O_NOFOLLOW));
  return mount::Attach(tree.get(), place.get()).WithContext(target);
}

}  // namespace keelson::volume
