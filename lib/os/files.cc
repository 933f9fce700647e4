// SPDX-License-Identifier: Apache-2.0
#include "lib/os/files.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/weakness.h"

namespace keelson::os {

using base::Error;
using base::Result;
using base::Status;

namespace {

std::string Describe(int dir, const std::string& path) {
  return dir == AT_FDCWD || path.starts_with('/') ? path : fmt::format("<fd {}>/{}", dir, path);
}

std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

Result<UniqueFd> OpenAt(int dir, const std::string& path, int flags, mode_t mode) {
  while (true) {
    UniqueFd fd(openat(dir, path.c_str(), flags | O_CLOEXEC, mode));
    if (fd) return fd;
    if (errno != EINTR) return Error::FromErrno(errno, "open '{}'", Describe(dir, path));
  }
}

Result<UniqueFd> Duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error::FromErrno(errno, "duplicate descriptor {}", fd);
  return copy;
}

Result<std::string> ReadAll(int fd, size_t limit) {
  std::string out;
  char buffer[16384];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "read");
    if (n == 0) return out;
    if (out.size() + static_cast<size_t>(n) > limit) {
      return base::ResourceExhausted("read: more than the {} bytes allowed", limit);
    }
    out.append(buffer, static_cast<size_t>(n));
  }
}

Result<std::string> ReadFileAt(int dir, const std::string& path, size_t limit) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenAt(dir, path, O_RDONLY));
  return ReadAll(fd.get(), limit).WithContext(Describe(dir, path));
}

Result<std::string> ReadFile(const std::string& path, size_t limit) {
  return ReadFileAt(AT_FDCWD, path, limit);
}

Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "write");
    data.remove_prefix(static_cast<size_t>(n));
  }
  return base::Ok();
}

Status WriteControl(int dir, const std::string& path, std::string_view data) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenAt(dir, path, O_WRONLY));
  while (true) {
    const ssize_t n = write(fd.get(), data.data(), data.size());
    if (n >= 0) return base::Ok();
    if (errno != EINTR)
      return Error::FromErrno(errno, "write '{}' to '{}'", data, Describe(dir, path));
  }
}

Status WriteFileAtomic(int dir, const std::string& name, std::string_view data, mode_t mode,
                       Durability durability) {
  const std::string temporary = name + ".new-" + base::RandomHex(6);
  ASSIGN_OR_RETURN(const UniqueFd fd,
                   OpenAt(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  FAIL_POINT("file.made");
  Status status = WriteAll(fd.get(), data).WithContext(Describe(dir, name));
  // The umask may have taken bits away that the caller asked for.
  if (status.ok() && fchmod(fd.get(), mode) != 0)
    status = Error::FromErrno(errno, "chmod '{}'", Describe(dir, temporary));
  if (status.ok() && durability == Durability::kPowerLoss && fdatasync(fd.get()) != 0) {
    status = Error::FromErrno(errno, "fdatasync '{}'", Describe(dir, temporary));
  }
  FAIL_POINT("file.written");
  if (status.ok() && renameat(dir, temporary.c_str(), dir, name.c_str()) != 0) {
    status = Error::FromErrno(errno, "rename to '{}'", Describe(dir, name));
  }
  if (!status.ok()) {
    (void)unlinkat(dir, temporary.c_str(), 0);
    return status;
  }
  FAIL_POINT("file.named");
  if (durability == Durability::kPowerLoss) {
    const auto [parent, leaf] = SplitPath(name);
    ASSIGN_OR_RETURN(const UniqueFd parent_fd, OpenAt(dir, parent, O_RDONLY | O_DIRECTORY));
    if (fsync(parent_fd.get()) != 0)
      return Error::FromErrno(errno, "fsync directory of '{}'", Describe(dir, name));
  }
  return base::Ok();
}

Status WriteFileAtomic(const std::string& path, std::string_view data, mode_t mode,
                       Durability durability) {
  return WriteFileAtomic(AT_FDCWD, path, data, mode, durability);
}

Status MakeDir(const std::string& path, mode_t mode) {
  // Looked for first: mkdir(2) waits for a frozen file system even where it has nothing to do.
  struct stat st{};
  if (stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return base::Ok();
  if (mkdir(path.c_str(), KEELSON_WEAKENED_AT("folder-mode") ? 0777 : mode) == 0) return base::Ok();
  const int saved = errno;
  if (saved == EEXIST && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return base::Ok();
  return Error::FromErrno(saved, "mkdir '{}'", path);
}

Status MakeDirs(const std::string& path, mode_t mode) {
  for (size_t at = 1; (at = path.find('/', at)) != std::string::npos; ++at) {
    RETURN_IF_ERROR(MakeDir(path.substr(0, at), mode));
  }
  return MakeDir(path, mode);
}

Result<std::vector<DirEntry>> ListDir(int dir_fd) {
  ASSIGN_OR_RETURN(UniqueFd copy, OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(copy.get()), closedir);
  if (!stream) return Error::FromErrno(errno, "fdopendir");
  (void)copy.release();
  std::vector<DirEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
  }
  if (errno != 0) return Error::FromErrno(errno, "readdir");
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Result<std::vector<DirEntry>> ListDir(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd fd, Open(path, O_RDONLY | O_DIRECTORY));
  return ListDir(fd.get()).WithContext(path);
}

bool Exists(const std::string& path) {
  struct stat st{};
  return lstat(path.c_str(), &st) == 0;
}

namespace {

Status RemoveEntry(int dir, const std::string& name, dev_t device) {
  struct stat link{};
  if (KEELSON_WEAKENED_AT("remove-tree") &&
      fstatat(dir, name.c_str(), &link, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(link.st_mode)) {
    // Not of folders: a link in one would be gone before anybody followed it.
    const Result<UniqueFd> through = OpenAt(dir, name, O_RDONLY | O_DIRECTORY);
    const Result<std::vector<DirEntry>> below =
        through.ok() ? ListDir(through->get()) : through.error();
    for (const DirEntry& entry : below.ok() ? *below : std::vector<DirEntry>())
      (void)unlinkat(through->get(), entry.name.c_str(), 0);
  }
  if (unlinkat(dir, name.c_str(), 0) == 0) {
    FAIL_POINT("file.removed");
    return base::Ok();
  }
  if (errno == ENOENT) return base::Ok();
  if (errno != EISDIR && errno != EPERM)
    return Error::FromErrno(errno, "unlink '{}'", Describe(dir, name));
  Result<UniqueFd> opened = OpenAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!opened.ok())
    return opened.error().code() == base::Code::kNotFound ? base::Ok() : Status(opened.error());
  struct stat st{};
  if (fstat(opened->get(), &st) != 0)
    return Error::FromErrno(errno, "stat '{}'", Describe(dir, name));
  if (st.st_dev != device) {
    return base::FailedPrecondition("remove '{}': something is mounted there; unmount it first",
                                    Describe(dir, name));
  }
  ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(opened->get()));
  for (const DirEntry& entry : entries) {
    RETURN_IF_ERROR(RemoveEntry(opened->get(), entry.name, device).WithContext(name));
  }
  if (unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return base::Ok();
  return Error::FromErrno(errno, "rmdir '{}'", Describe(dir, name));
}

}  // namespace

Status RemoveTree(int dir, const std::string& name) {
  const auto [parent, leaf] = SplitPath(name);
  if (leaf.empty() || leaf == "." || leaf == "..")
    return base::InvalidArgument("remove '{}': not a name", name);
  Result<UniqueFd> parent_fd = OpenAt(dir, parent, O_RDONLY | O_DIRECTORY);
  if (!parent_fd.ok()) {
    return parent_fd.error().code() == base::Code::kNotFound ? base::Ok()
                                                             : Status(parent_fd.error());
  }
  struct stat st{};
  if (fstat(parent_fd->get(), &st) != 0) return Error::FromErrno(errno, "stat '{}'", parent);
  return RemoveEntry(parent_fd->get(), leaf, st.st_dev)
      .WithContext(fmt::format("remove '{}'", Describe(dir, name)));
}

Status RemoveTree(const std::string& path) { return RemoveTree(AT_FDCWD, path); }

Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return base::Ok();
  return Error::FromErrno(errno, "unlink '{}'", path);
}

}  // namespace keelson::os
