// SPDX-License-Identifier: Apache-2.0
#include "runtime/rootfs/further.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "runtime/rootfs/bind_attributes.h"

namespace keelson::rootfs {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;
using spec::Mount;

Status MountRoot(const std::string& path, const std::string& at,
                 const std::vector<uint64_t>& propagation) {
  ASSIGN_OR_RETURN(const UniqueFd tree, mount::CloneTree(AT_FDCWD, path, true));
  const bool slave = std::any_of(propagation.begin(), propagation.end(),
                                 [](uint64_t flags) { return (flags & MS_SLAVE) != 0; });
  RETURN_IF_ERROR(mount::SetAttributes(tree.get(), 0, 0, slave ? MS_SLAVE : MS_PRIVATE, true));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(at, O_PATH | O_DIRECTORY));
  return mount::Attach(tree.get(), place.get()).WithContext("attach the root");
}

Status CheckOrdinary(const os::RootedDir& root, const Mount& item) {
  if (item.kind != Mount::Kind::kProc && item.kind != Mount::Kind::kSysfs) return base::Ok();
  const Result<UniqueFd> place =
      root.OpenAt(item.destination, O_PATH | O_NOFOLLOW, 0, {.no_symlinks = true});
  if (place.ok() || place.error().os_errno() == ENOENT) {
    struct stat st{};
    if (!place.ok() || (fstat(place->get(), &st) == 0 && S_ISDIR(st.st_mode))) return base::Ok();
  }
  return base::InvalidArgument("{} must be mounted on ordinary directory",
                               item.kind == Mount::Kind::kProc ? "proc" : "sysfs");
}

Result<std::string> WithoutLinks(const os::RootedDir& root, const std::string& path) {
  std::vector<std::string> done, rest;
  const auto push = [&rest](std::string_view text) {
    const std::vector<std::string_view> parts = base::Split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") rest.emplace_back(*part);
    }
  };
  push(path);
  for (int links = 0; !rest.empty();) {
    const std::string part = std::move(rest.back());
    rest.pop_back();
    if (part == "..") {
      if (!done.empty()) done.pop_back();
      continue;
    }
    done.push_back(part);
    const Result<UniqueFd> place =
        root.OpenAt("/" + base::Join(done, "/"), O_PATH | O_NOFOLLOW, 0, {.no_symlinks = true});
    struct stat st{};
    if (!place.ok() || fstat(place->get(), &st) != 0 || !S_ISLNK(st.st_mode)) continue;
    if (++links > 40) return Error::FromErrno(ELOOP, "'{}'", path);
    char target[4096];
    const ssize_t n = readlinkat(place->get(), "", target, sizeof target);
    if (n < 0) return Error::FromErrno(errno, "read link '{}'", part);
    done.pop_back();
    if (n > 0 && target[0] == '/') done.clear();
    push(std::string_view(target, static_cast<size_t>(n)));
  }
  return "/" + base::Join(done, "/");
}

Status CloseDev(const os::RootedDir& root, const std::vector<Mount>& mounts) {
  for (const Mount& item : mounts) {
    if (item.kind != Mount::Kind::kTmpfs || item.destination != "/dev") continue;
    if ((item.attributes & MOUNT_ATTR_RDONLY) == 0) continue;
    ASSIGN_OR_RETURN(const UniqueFd dev, root.OpenAt("/dev", O_PATH | O_DIRECTORY));
    RETURN_IF_ERROR(mount::SetAttributes(dev.get(), MOUNT_ATTR_RDONLY, 0, 0, false)
                        .WithContext("make /dev read-only"));
  }
  return base::Ok();
}

Mount WithMode(const os::RootedDir& root, Mount item) {
  if (item.destination == "/dev") item.attributes &= ~uint64_t{MOUNT_ATTR_RDONLY};
  for (const auto& [name, value] : mount::ParseOptions(item.options)) {
    if (name == "mode") return item;
  }
  const Result<UniqueFd> place = root.OpenAt(item.destination, O_PATH | O_DIRECTORY);
  struct stat st{};
  if (!place.ok() || fstat(place->get(), &st) != 0) return item;
  item.options += fmt::format("{}mode={:o}", item.options.empty() ? "" : ",", st.st_mode & 07777);
  return item;
}

Status DressBelow(int mount, const Mount& item) {
  if (item.further.set_below == 0 && item.further.clear_below == 0) return base::Ok();
  return mount::SetAttributes(mount, item.further.set_below, item.further.clear_below, 0, true);
}

Status Dress(int mount, const Mount& item) {
  if (item.further.owners >= 0) {
    RETURN_IF_ERROR(mount::MapOwners(mount, item.further.owners, item.further.owners_below)
                        .WithContext("the file system cannot map owners"));
  }
  RETURN_IF_ERROR(SetBindAttributes(mount, item));
  return DressBelow(mount, item);
}

Result<UniqueFd> OpenBind(const Mount& item) {
  ASSIGN_OR_RETURN(UniqueFd tree,
                   mount::CloneTree(AT_FDCWD, item.further.source, item.further.recursive));
  RETURN_IF_ERROR(Dress(tree.get(), item));
  return tree;
}

Result<std::vector<int>> OpenAhead(const spec::ContainerSpec& spec) {
  std::vector<int> opened(spec.mounts.size(), -1);
  for (size_t i = 0; i < spec.mounts.size(); ++i) {
    const Mount& item = spec.mounts[i];
    if (item.kind != Mount::Kind::kBind || item.further.source.empty()) continue;
    Result<UniqueFd> tree = OpenBind(item);
    if (!tree.ok()) return tree.error().WithContext(fmt::format("mount '{}'", item.destination));
    opened[i] = tree->release();
  }
  return opened;
}

int OpenedAhead(const spec::ContainerSpec& spec, const std::vector<int>& opened,
                const Mount& item) {
  const auto index = static_cast<size_t>(&item - spec.mounts.data());
  return index < opened.size() ? opened[index] : -1;
}

mount::Options SourceOf(const Mount& item) {
  if (item.further.source.empty()) return {};
  return {{"source", item.further.source}};
}

mount::Options OptionsOf(const Mount& item, const std::string& label) {
  mount::Options options = SourceOf(item);
  for (auto& option : mount::ParseOptions(item.options)) options.push_back(std::move(option));
  if (!label.empty()) options.emplace_back("context", label);
  return options;
}

Result<UniqueFd> OpenOther(const Mount& item, const std::string& label) {
  return mount::NewFilesystem(item.further.type, OptionsOf(item, label), item.attributes);
}

Status SetPropagation(int mount, const Mount& item) {
  for (const uint64_t flags : item.further.propagation) {
    RETURN_IF_ERROR(
        mount::SetAttributes(mount, 0, 0, flags & ~uint64_t{MS_REC}, (flags & MS_REC) != 0));
  }
  return base::Ok();
}

namespace {

constexpr int kMaxDepth = 64;

Status CopyMetadata(int to, const char* name, const struct stat& st) {
  if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::FromErrno(errno, "owner of the copy '{}'", name);
  if (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) != 0)
    return Error::FromErrno(errno, "mode of the copy '{}'", name);
  return base::Ok();
}

Status CopyFile(int from, int to, const char* name, const struct stat& st) {
  ASSIGN_OR_RETURN(const UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const UniqueFd copy,
                   os::OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  for (off_t left = st.st_size; left > 0;) {
    const ssize_t n = sendfile(copy.get(), source.get(), nullptr,
                               static_cast<size_t>(std::min<off_t>(left, 1 << 20)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "copy '{}'", name);
    if (n == 0) break;
    left -= n;
  }
  return base::Ok();
}

Status CopyTree(int from, int to, int depth) {
  if (depth > kMaxDepth) return base::ResourceExhausted("more than {} folders deep", kMaxDepth);
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(from));
  for (const os::DirEntry& entry : entries) {
    const char* name = entry.name.c_str();
    struct stat st{};
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::FromErrno(errno, "stat '{}'", entry.name);
    if (S_ISDIR(st.st_mode)) {
      if (mkdirat(to, name, 0700) != 0) return Error::FromErrno(errno, "mkdir '{}'", entry.name);
      ASSIGN_OR_RETURN(const UniqueFd inner,
                       os::OpenAt(from, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      ASSIGN_OR_RETURN(const UniqueFd made,
                       os::OpenAt(to, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      RETURN_IF_ERROR(CopyTree(inner.get(), made.get(), depth + 1));
    } else if (S_ISREG(st.st_mode)) {
      RETURN_IF_ERROR(CopyFile(from, to, name, st));
    } else if (S_ISLNK(st.st_mode)) {
      char target[4096];
      const ssize_t n = readlinkat(from, name, target, sizeof target - 1);
      if (n < 0) return Error::FromErrno(errno, "read link '{}'", entry.name);
      target[n] = '\0';
      if (symlinkat(target, to, name) != 0) return Error::FromErrno(errno, "link '{}'", entry.name);
    } else if (mknodat(to, name, st.st_mode & (S_IFMT | 07777), st.st_rdev) != 0) {
      return Error::FromErrno(errno, "copy '{}'", entry.name);
    }
    RETURN_IF_ERROR(CopyMetadata(to, name, st));
  }
  return base::Ok();
}

}  // namespace

Status CopyUp(int target, int tmpfs, const Mount& item) {
  ASSIGN_OR_RETURN(const UniqueFd from, os::OpenAt(target, ".", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd to, os::OpenAt(tmpfs, ".", O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(CopyTree(from.get(), to.get(), 0).WithContext("tmpcopyup"));
  if ((item.attributes & MOUNT_ATTR_RDONLY) == 0) return base::Ok();
  return mount::SetAttributes(tmpfs, MOUNT_ATTR_RDONLY, 0, 0, false);
}

Status BindDevice(const os::RootedDir& root, const spec::Device& device) {
  ASSIGN_OR_RETURN(const UniqueFd host, os::Open(device.path, O_PATH | O_NOFOLLOW));
  struct stat st{};
  if (fstat(host.get(), &st) != 0) return Error::FromErrno(errno, "stat '{}'", device.path);
  if ((st.st_mode & S_IFMT) != (device.mode & S_IFMT) ||
      st.st_rdev != makedev(device.major, device.minor)) {
    return base::PermissionDenied(
        "device '{}' cannot be made in this user namespace, and the host's is another one",
        device.path);
  }
  ASSIGN_OR_RETURN(const UniqueFd copy, mount::CloneTree(host.get(), "", false));
  ASSIGN_OR_RETURN(const UniqueFd target, root.MakeFile(device.path, 0644));
  return mount::Attach(copy.get(), target.get())
      .WithContext(fmt::format("device '{}'", device.path));
}

}  // namespace keelson::rootfs
