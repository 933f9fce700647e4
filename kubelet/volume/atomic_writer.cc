// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/atomic_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <set>

#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::volume {
namespace {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

constexpr const char* kCurrent = "..data";
constexpr const char* kNext = "..data_tmp";

std::string FirstPart(const std::string& path) { return path.substr(0, path.find('/')); }

std::string ReadLink(int dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(dir, name.c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<size_t>(n)) : "";
}

std::string DirectoryName() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  (void)strftime(text, sizeof text, "..%Y_%m_%d_%H_%M_%S.", &parts);
  return text + base::RandomHex(4);
}

// What lies below `dir` of regular files; more files than the payload has cannot be the payload.
Status Collect(int dir, const std::string& prefix, size_t most, std::set<std::string>& out) {
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(dir));
  for (const os::DirEntry& entry : entries) {
    if (out.size() > most) return {};
    const std::string path = prefix + entry.name;
    Result<UniqueFd> below = os::OpenAt(dir, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (below.ok() && std::count(path.begin(), path.end(), '/') < 64) {
      RETURN_IF_ERROR(Collect(below->get(), path + "/", most, out));
    } else {
      out.insert(path);
    }
  }
  return {};
}

using Group = std::optional<gid_t>;
constexpr unsigned kGroupReads = 0440, kGroupEnters = 02550;

Status Own(int fd, const Group& group, unsigned mode) {
  if (group && fchown(fd, static_cast<uid_t>(-1), *group) != 0)
    return Error::FromErrno(errno, "chown to group {}", *group);
  if (fchmod(fd, mode) != 0) return Error::FromErrno(errno, "chmod to {:o}", mode);
  return {};
}
unsigned FileMode(const PayloadFile& file, const Group& group) {
  return (file.mode & 0777) | (group ? kGroupReads : 0);
}
unsigned DirectoryMode(const Group& group) { return 0755 | (group ? kGroupEnters : 0); }

bool SameFile(const os::RootedDir& now, const std::string& path, const PayloadFile& wanted,
              const Group& group) {
  const Result<UniqueFd> file =
      now.OpenAt(path, O_RDONLY | O_NONBLOCK, 0, {.no_xdev = true, .no_symlinks = true});
  struct stat st{};
  if (!file.ok() || fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode) ||
      st.st_size != static_cast<off_t>(wanted.data.size()))
    return false;
  if ((st.st_mode & 07777) != FileMode(wanted, group) || (group && st.st_gid != *group))
    return false;
  const Result<std::string> data = os::ReadAll(file->get(), wanted.data.size() + 1);
  return data.ok() && *data == wanted.data;
}

bool IsThere(const os::RootedDir& volume, const std::string& current, const Payload& payload,
             const Group& group) {
  Result<UniqueFd> dir =
      volume.OpenAt(current, O_RDONLY | O_DIRECTORY, 0, {.no_xdev = true, .no_symlinks = true});
  if (!dir.ok()) return false;
  std::set<std::string> present;
  if (!Collect(dir->get(), "", payload.size(), present).ok() || present.size() != payload.size())
    return false;
  const os::RootedDir now(std::move(dir).value());
  for (const auto& [path, file] : payload) {
    if (!present.contains(path) || !SameFile(now, path, file, group)) return false;
    const std::string name = FirstPart(path);
    if (ReadLink(volume.fd(), name) != std::string(kCurrent) + "/" + name) return false;
  }
  return true;
}

Status WriteFiles(const os::RootedDir& fresh, const Payload& payload, const Group& group) {
  for (const auto& [path, file] : payload) {
    const size_t slash = path.find_last_of('/');
    const std::string_view directories =
        slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash);
    std::string parent;
    for (const std::string_view part : base::Split(directories, '/')) {
      if (part.empty()) continue;
      parent += (parent.empty() ? "" : "/") + std::string(part);
      ASSIGN_OR_RETURN(const UniqueFd made, fresh.MakeDirs(parent, 0755));
      ASSIGN_OR_RETURN(const UniqueFd dir, os::OpenAt(made.get(), ".", O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(Own(dir.get(), group, DirectoryMode(group)).WithContext(parent));
    }
    ASSIGN_OR_RETURN(const UniqueFd fd, fresh.OpenAt(path, O_WRONLY | O_CREAT | O_EXCL, 0600,
                                                     {.no_xdev = true, .no_symlinks = true}));
    RETURN_IF_ERROR(os::WriteAll(fd.get(), file.data).WithContext(path));
    RETURN_IF_ERROR(Own(fd.get(), group, FileMode(file, group)).WithContext(path));
  }
  return {};
}

Status Link(int dir, const std::string& name, const std::string& target) {
  if (ReadLink(dir, name) == target) return {};
  if (symlinkat(target.c_str(), dir, name.c_str()) == 0) return {};
  if (errno != EEXIST) return Error::FromErrno(errno, "link '{}'", name);
  RETURN_IF_ERROR(os::RemoveTree(dir, name));
  if (symlinkat(target.c_str(), dir, name.c_str()) != 0)
    return Error::FromErrno(errno, "link '{}'", name);
  return {};
}

// Names that lead nowhere now, former payloads, what a crash left.
Status Tidy(int dir, const std::string& current, const Payload& payload) {
  std::set<std::string> visible;
  for (const auto& entry : payload) visible.insert(FirstPart(entry.first));
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(dir));
  for (const os::DirEntry& entry : entries) {
    const bool own =
        entry.name == kCurrent || entry.name == current || visible.contains(entry.name);
    const bool ours = entry.name.starts_with("..") ||
                      ReadLink(dir, entry.name).starts_with(std::string(kCurrent) + "/");
    if (!own && ours) RETURN_IF_ERROR(os::RemoveTree(dir, entry.name));
  }
  return {};
}

Status Install(const os::RootedDir& volume, int dir, const std::string& name,
               const Payload& payload, const Group& group) {
  ASSIGN_OR_RETURN(UniqueFd fresh, os::OpenAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RETURN_IF_ERROR(Own(fresh.get(), group, DirectoryMode(group)).WithContext(name));
  const os::RootedDir root(std::move(fresh));
  RETURN_IF_ERROR(WriteFiles(root, payload, group));
  FAIL_POINT("kubelet.payload.files");
  RETURN_IF_ERROR(Link(volume.fd(), kNext, name));
  FAIL_POINT("kubelet.payload.link");
  if (renameat(dir, kNext, dir, kCurrent) != 0)
    return Error::FromErrno(errno, "rename '{}'", kCurrent);
  return {};
}

}  // namespace

Result<std::string> CleanPayloadPath(const std::string& path) {
  if (path.empty()) return base::InvalidArgument("invalid path: must not be empty");
  if (path.front() == '/')
    return base::InvalidArgument("invalid path: must be relative path: {}", path);
  if (path.size() > 4096)
    return base::InvalidArgument("invalid path: must be less than or equal to 4096 characters");
  if (path.find('\0') != std::string::npos)
    return base::InvalidArgument("invalid path: must not hold a NUL byte");
  std::vector<std::string> parts;
  for (const std::string_view part : base::Split(path, '/')) {
    if (part == "..") return base::InvalidArgument("invalid path: must not contain '..': {}", path);
    if (part.size() > 255)
      return base::InvalidArgument(
          "invalid path: filename must be less than or equal to 255 characters");
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty()) return base::InvalidArgument("invalid path: must name a file: {}", path);
  if (parts.front().starts_with(".."))
    return base::InvalidArgument("invalid path: must not start with '..': {}", path);
  return base::Join(parts, "/");
}

Result<bool> WritePayload(const std::string& directory, const Payload& wanted, Group group) {
  Payload payload;
  for (const auto& [path, file] : wanted) {
    ASSIGN_OR_RETURN(const std::string clean, CleanPayloadPath(path));
    payload[clean] = file;
  }
  ASSIGN_OR_RETURN(UniqueFd opened, os::Open(directory, O_RDONLY | O_DIRECTORY));
  const os::RootedDir volume(std::move(opened));
  const int dir = volume.fd();
  struct stat st{};
  if (fstat(dir, &st) != 0) return Error::FromErrno(errno, "stat '{}'", directory);
  if (group && (st.st_gid != *group || (st.st_mode & kGroupEnters) != kGroupEnters)) {
    RETURN_IF_ERROR(Own(dir, group, (st.st_mode & 07777) | kGroupEnters).WithContext(directory));
  }
  const std::string current = ReadLink(dir, kCurrent);
  const bool write = current.empty() || !IsThere(volume, current, payload, group);
  const std::string name = write ? DirectoryName() : current;
  if (write) {
    if (mkdirat(dir, name.c_str(), 0700) != 0)
      return Error::FromErrno(errno, "mkdir '{}/{}'", directory, name);
    FAIL_POINT("kubelet.payload.directory");
    if (const Status installed = Install(volume, dir, name, payload, group); !installed.ok()) {
      (void)os::RemoveTree(dir, name);
      return installed.error();
    }
  }
  FAIL_POINT("kubelet.payload.named");
  for (const auto& entry : payload) {
    const std::string visible = FirstPart(entry.first);
    RETURN_IF_ERROR(Link(dir, visible, std::string(kCurrent) + "/" + visible));
  }
  FAIL_POINT("kubelet.payload.names");
  RETURN_IF_ERROR(Tidy(dir, name, payload));
  return write;
}

}  // namespace keelson::volume
