// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "lib/base/strings.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::volume {
namespace {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

// Spaces, tabs, line ends and backslashes are octal in the table.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                               (text[at + 3] - '0'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

Status Put(Result<UniqueFd> filesystem, const std::string& directory) {
  if (!filesystem.ok()) return filesystem.error().WithContext(directory);
  ASSIGN_OR_RETURN(const UniqueFd target, os::Open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return mount::Attach(filesystem->get(), target.get()).WithContext(directory);
}

Status UnmountOne(const os::RootedDir& root, const std::string& base_path,
                  const std::string& mount_point) {
  const std::string relative = mount_point.substr(base_path.size() + 1);
  const size_t slash = relative.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "." : relative.substr(0, slash);
  ASSIGN_OR_RETURN(const UniqueFd dir,
                   root.OpenAt(parent, O_PATH | O_DIRECTORY, 0, {.no_symlinks = true}));
  const std::string path = "/proc/self/fd/" + std::to_string(dir.get()) + "/" +
                           relative.substr(slash == std::string::npos ? 0 : slash + 1);
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0)
    return Error::FromErrno(errno, "unmount '{}'", mount_point);
  return {};
}

}  // namespace

bool IsMountPoint(const std::string& path) {
  struct statx info{};
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &info) != 0)
    return false;
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Status MountMemory(const std::string& directory, const MemoryOptions& options) {
  mount::Options list = {{"mode", "1777"}};
  if (options.bytes != 0) list.emplace_back("size", std::to_string(options.bytes));
  if (!options.swap) {
    mount::Options without = list;
    without.emplace_back("noswap", "");
    if (Result<UniqueFd> made = mount::NewFilesystem("tmpfs", without, 0); made.ok())
      return Put(std::move(made), directory);
  }
  return Put(mount::NewFilesystem("tmpfs", list, 0), directory);
}

Status MountHugePages(const std::string& directory, uint64_t page_bytes, uint64_t bytes) {
  mount::Options list = {{"mode", "1777"}, {"pagesize", std::to_string(page_bytes)}};
  if (bytes != 0) list.emplace_back("size", std::to_string(bytes));
  return Put(mount::NewFilesystem("hugetlbfs", list, 0), directory);
}

std::vector<std::string> MountsBelow(std::string_view mountinfo, std::string_view directory) {
  std::vector<std::string> out;
  for (const std::string_view line : base::Split(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = base::Split(line, ' ');
    if (fields.size() < 6) continue;
    std::string path = Unescape(fields[4]);
    if (path.size() > directory.size() && path.starts_with(directory) &&
        path[directory.size()] == '/')
      out.push_back(std::move(path));
  }
  return out;
}

Status UnmountBelow(const std::string& directory) {
  const Result<os::RootedDir> root = os::RootedDir::Open(directory);
  if (!root.ok())
    return root.error().code() == base::Code::kNotFound ? Status() : Status(root.error());
  char text[PATH_MAX];
  const ssize_t n =
      readlink(("/proc/self/fd/" + std::to_string(root->fd())).c_str(), text, sizeof text);
  if (n <= 0) return Error::FromErrno(errno, "find '{}'", directory);
  const std::string canonical(text, static_cast<size_t>(n));
  // Several rounds: a mount that hid others shows them once it is gone.
  while (true) {
    ASSIGN_OR_RETURN(const std::string table, os::ReadFile("/proc/self/mountinfo", 256u << 20));
    const std::vector<std::string> mounts = MountsBelow(table, canonical);
    if (mounts.empty()) return {};
    Status first_failure;
    bool progress = false;
    for (auto mount_point = mounts.rbegin(); mount_point != mounts.rend(); ++mount_point) {
      Status status = UnmountOne(*root, canonical, *mount_point);
      progress = progress || status.ok();
      if (!status.ok() && first_failure.ok()) first_failure = std::move(status);
    }
    if (!progress) return first_failure;
  }
}

}  // namespace keelson::volume
