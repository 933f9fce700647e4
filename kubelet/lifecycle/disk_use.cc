// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/disk_use.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <vector>

#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::lifecycle {
namespace {

constexpr int64_t kBlock = 512;           // of st_blocks, whatever the file system's own are
constexpr size_t kMostWaiting = 100'000;  // folders that are known and not read yet

}  // namespace

base::Result<eviction::DiskUse> DiskUseOf(const std::string& folder) {
  eviction::DiskUse use;
  struct stat top{};
  if (lstat(folder.c_str(), &top) != 0) {
    if (errno == ENOENT) return use;
    return base::Error::FromErrno(errno, "look at '{}'", folder);
  }
  ASSIGN_OR_RETURN(const os::RootedDir root, os::RootedDir::Open(folder));
  use = {top.st_blocks * kBlock, 1};
  std::set<ino_t> linked;  // counted already, under another name
  std::vector<std::string> waiting = {"."};
  while (!waiting.empty()) {
    const std::string path = std::move(waiting.back());
    waiting.pop_back();
    // What is gone meanwhile, or too deep to be named, holds nothing that could be counted.
    const base::Result<os::UniqueFd> opened = root.OpenAt(
        path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, {.no_xdev = true, .no_symlinks = true});
    if (!opened.ok()) continue;
    const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(opened->get());
    if (!entries.ok()) continue;
    for (const os::DirEntry& entry : *entries) {
      struct stat info{};
      if (fstatat(opened->get(), entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
          info.st_dev != top.st_dev)
        continue;
      if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 && !linked.insert(info.st_ino).second)
        continue;
      use.bytes += info.st_blocks * kBlock;
      ++use.inodes;
      if (S_ISDIR(info.st_mode) && waiting.size() < kMostWaiting)
        waiting.push_back(path + "/" + entry.name);
    }
  }
  return use;
}

}  // namespace keelson::lifecycle
