// SPDX-License-Identifier: Apache-2.0
// Files and directories of our own (state, configuration, procfs, sysfs). Paths below anything a
// container controls go through RootedDir instead. A `dir` of AT_FDCWD means the working directory.
// Blocking, any thread. Errors name the call and the path.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

// open(2) with O_CLOEXEC added, EINTR retried.
base::Result<UniqueFd> OpenAt(int dir, const std::string& path, int flags, mode_t mode = 0);
inline base::Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode = 0) {
  return OpenAt(AT_FDCWD, path, flags, mode);
}
base::Result<UniqueFd> Duplicate(int fd);

constexpr size_t kDefaultReadLimit = 16u << 20;
// Whole content; more than `limit` bytes is ResourceExhausted, never a truncated answer.
base::Result<std::string> ReadAll(int fd, size_t limit = kDefaultReadLimit);
base::Result<std::string> ReadFile(const std::string& path, size_t limit = kDefaultReadLimit);
base::Result<std::string> ReadFileAt(int dir, const std::string& path,
                                     size_t limit = kDefaultReadLimit);

// All of `data`, EINTR and short writes handled.
base::Status WriteAll(int fd, std::string_view data);
// One open(O_WRONLY), one write: for procfs, sysfs and cgroupfs, where the file is there already.
base::Status WriteControl(int dir, const std::string& path, std::string_view data);

enum class Durability { kProcessCrash, kPowerLoss };
// Written beside the name and renamed over it: readers see the old or the new whole. kPowerLoss
// syncs file and directory.
base::Status WriteFileAtomic(int dir, const std::string& name, std::string_view data, mode_t mode,
                             Durability durability = Durability::kProcessCrash);
base::Status WriteFileAtomic(const std::string& path, std::string_view data, mode_t mode,
                             Durability durability = Durability::kProcessCrash);

base::Status MakeDir(const std::string& path, mode_t mode);   // existing directory is fine
base::Status MakeDirs(const std::string& path, mode_t mode);  // with parents
struct DirEntry {
  std::string name;
  unsigned char type;  // DT_* of readdir(3)
};
base::Result<std::vector<DirEntry>> ListDir(int dir_fd);  // without . and .., sorted by name
base::Result<std::vector<DirEntry>> ListDir(const std::string& path);
bool Exists(const std::string& path);

// Removes what `name` below `dir` is, trees and all, never following a symlink and never crossing
// into another file system (a mount left there is an error, FailedPrecondition, so that nothing is
// deleted through it). Absent is success.
base::Status RemoveTree(int dir, const std::string& name);
base::Status RemoveTree(const std::string& path);
base::Status RemoveFile(const std::string& path);  // absent is success

}  // namespace keelson::os
