// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/room.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;
using spec::Mount;

namespace {

struct Folder {
  std::string name;
  bool whole = false;     // with what is mounted below it
  std::string link = {};  // a symbolic link to this
  UniqueFd tree = {};
};

std::vector<Folder> FoldersFor(const std::string& program, const std::string& run_dir) {
  std::vector<Folder> folders;
  for (const char* name :
       {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "nix", "dev", "sys"})
    folders.push_back({.name = name, .whole = true});
  for (const char* name : {"proc", "run", "var", "tmp", "root", "home"})
    folders.push_back({.name = name});
  for (const std::string& path : {program, run_dir}) {
    const std::string first = path.substr(1, path.find('/', 1) - 1);
    if (std::none_of(folders.begin(), folders.end(),
                     [&first](const Folder& folder) { return folder.name == first; }))
      folders.push_back({.name = first, .whole = true});
  }
  return folders;
}

Status TakeFolders(int host_mounts, std::vector<Folder>& folders) {
  ASSIGN_OR_RETURN(const UniqueFd own, os::Open("/proc/self/ns/mnt", O_RDONLY));
  if (setns(host_mounts, CLONE_NEWNS) != 0)
    return Error::FromErrno(errno, "enter the host's mount namespace");
  for (Folder& folder : folders) {
    const std::string path = "/" + folder.name;
    struct stat st{};
    if (lstat(path.c_str(), &st) != 0) continue;
    if (S_ISLNK(st.st_mode)) {
      char target[4096];
      const ssize_t size = readlink(path.c_str(), target, sizeof target);
      if (size > 0) folder.link.assign(target, static_cast<size_t>(size));
    } else if (S_ISDIR(st.st_mode)) {
      ASSIGN_OR_RETURN(folder.tree, mount::CloneTree(AT_FDCWD, path, folder.whole));
    }
  }
  if (setns(own.get(), CLONE_NEWNS) != 0)
    return Error::FromErrno(errno, "return to the mount namespace");
  return base::Ok();
}

Status Put(int mount, const std::string& path, bool directory) {
  if (directory) {
    RETURN_IF_ERROR(os::MakeDirs(path, 0755));
  } else {
    ASSIGN_OR_RETURN(const UniqueFd made,
                     os::Open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  }
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(path, O_PATH));
  return mount::Attach(mount, place.get()).WithContext(path);
}

Status PutVolumes(const spec::ContainerSpec& spec, const RoomInputs& inputs) {
  for (const Mount& item : spec.mounts) {
    if (item.kind != Mount::Kind::kBind && item.kind != Mount::Kind::kPodShm) continue;
    const auto put = [&]() -> Status {
      ASSIGN_OR_RETURN(const UniqueFd source, rootfs::OpenSource(spec, inputs.root, item));
      const bool shm = item.kind == Mount::Kind::kPodShm;
      // What the kernel has at hand: the filesystem of a volume may not answer.
      struct statx st{};
      if (statx(source.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
        return Error::FromErrno(errno, "stat the mount's source");
      return Put(source.get(),
                 inputs.root.staging + (shm ? std::string(kShm) : VolumePlace(item.source_fd)),
                 S_ISDIR(st.stx_mode));
    };
    RETURN_IF_ERROR(put().WithContext(fmt::format("mount '{}'", item.destination)));
  }
  return base::Ok();
}

Status PutNamespaces(const RoomInputs& inputs) {
  for (const auto& [name, fd] : {std::pair("network", inputs.network), std::pair("ipc", inputs.ipc),
                                 std::pair("uts", inputs.uts), std::pair("pid", inputs.pid),
                                 std::pair("user", inputs.root.user)}) {
    if (fd < 0) continue;
    ASSIGN_OR_RETURN(const UniqueFd bound, mount::CloneTree(fd, "", false));
    RETURN_IF_ERROR(Put(bound.get(), inputs.root.staging + NamespacePlace(name), false));
  }
  return base::Ok();
}

// The v1 hierarchies without cgroup v2 beside them: the caller has put the program, and so what it
// makes, where it belongs there; some programs refuse to work with both.
Status HideUnified(const std::string& at) {
  const std::string host = at + "/sys/fs/cgroup", ours = at + "/.keelson/cgroup";
  ASSIGN_OR_RETURN(const UniqueFd tmpfs, mount::NewFilesystem("tmpfs", {{"mode", "755"}}, 0));
  RETURN_IF_ERROR(Put(tmpfs.get(), ours, true));
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(host));
  for (const os::DirEntry& entry : entries) {
    if (entry.name == "unified") continue;
    const std::string from = host + "/" + entry.name, to = ours + "/" + entry.name;
    char target[4096];
    const ssize_t size = readlink(from.c_str(), target, sizeof target);
    if (size > 0) {
      if (symlink(std::string(target, static_cast<size_t>(size)).c_str(), to.c_str()) != 0)
        return Error::FromErrno(errno, "link '{}'", to);
      continue;
    }
    ASSIGN_OR_RETURN(const UniqueFd hierarchy, mount::CloneTree(AT_FDCWD, from, false));
    RETURN_IF_ERROR(Put(hierarchy.get(), to, true));
  }
  ASSIGN_OR_RETURN(const UniqueFd whole, mount::CloneTree(AT_FDCWD, ours, true));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(host, O_PATH | O_DIRECTORY));
  return mount::Attach(whole.get(), place.get());
}

}  // namespace

Status EnterRoom(const spec::ContainerSpec* spec, const RoomInputs& inputs) {
  const std::string& at = inputs.root.staging;
  std::vector<Folder> folders = FoldersFor(inputs.program, inputs.run_dir);
  RETURN_IF_ERROR(TakeFolders(inputs.host_mounts, folders));
  // Before the room covers anything: the shared memory and the run directory as they are here.
  ASSIGN_OR_RETURN(const UniqueFd run, mount::CloneTree(AT_FDCWD, inputs.run_dir, false));
  ASSIGN_OR_RETURN(const UniqueFd room, mount::NewFilesystem("tmpfs", {{"mode", "755"}}, 0));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(at, O_PATH | O_DIRECTORY));
  RETURN_IF_ERROR(mount::Attach(room.get(), place.get()));
  for (const Folder& folder : folders) {
    const std::string path = at + "/" + folder.name;
    if (folder.tree) RETURN_IF_ERROR(Put(folder.tree.get(), path, true));
    if (!folder.link.empty() && symlink(folder.link.c_str(), path.c_str()) != 0)
      return Error::FromErrno(errno, "link '/{}'", folder.name);
  }
  RETURN_IF_ERROR(Put(run.get(), at + inputs.run_dir, true));
  for (const char* name : {kRoom, kRootfs, "/.keelson/volumes", "/.keelson/ns", "/.keelson/layers"})
    RETURN_IF_ERROR(os::MakeDir(at + name, 0755));
  if (os::Exists(at + "/sys/fs/cgroup/unified"))
    RETURN_IF_ERROR(HideUnified(at).WithContext("the room's cgroups"));
  if (spec != nullptr) {
    rootfs::Inputs image = inputs.root;
    image.staging = at + "/.keelson/layers";
    RETURN_IF_ERROR(rootfs::MountImage(*spec, image, at + kRootfs));
    RETURN_IF_ERROR(PutVolumes(*spec, inputs));
    RETURN_IF_ERROR(PutNamespaces(inputs));
  }
  if (chdir(at.c_str()) != 0) return Error::FromErrno(errno, "enter the room");
  if (syscall(SYS_pivot_root, ".", ".") != 0) return Error::FromErrno(errno, "pivot_root");
  if (umount2(".", MNT_DETACH) != 0) return Error::FromErrno(errno, "leave the old root");
  if (chdir(kRoom) != 0) return Error::FromErrno(errno, "enter the room");
  return base::Ok();
}

}  // namespace keelson::oci
