// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/host_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/os/files.h"

namespace keelson::volume {
namespace {

using base::Status;

struct Type {
  const char* name;
  mode_t format;
  const char* noun;
  bool create;
};
constexpr Type kTypes[] = {
    {"Directory", S_IFDIR, "a directory", false},
    {"DirectoryOrCreate", S_IFDIR, "a directory", true},
    {"File", S_IFREG, "a file", false},
    {"FileOrCreate", S_IFREG, "a file", true},
    {"Socket", S_IFSOCK, "a socket file", false},
    {"CharDevice", S_IFCHR, "a character device", false},
    {"BlockDevice", S_IFBLK, "a block device", false},
};

Status Make(const std::string& path, mode_t format) {
  if (format == S_IFDIR) return os::MakeDirs(path, 0755);
  const base::Result<os::UniqueFd> file =
      os::Open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  return file.ok() ? Status() : Status(file.error());
}

}  // namespace

Status PrepareHostPath(const kube::HostPathVolume& volume) {
  if (volume.type.empty()) return {};
  for (const Type& type : kTypes) {
    if (volume.type != type.name) continue;
    struct stat st{};
    if (stat(volume.path.c_str(), &st) != 0) {
      if (errno != ENOENT)
        return base::Error::FromErrno(errno, "hostPath type check failed: look at {}", volume.path);
      if (type.create)
        return Make(volume.path, type.format).WithContext("hostPath type check failed");
      return base::FailedPrecondition("hostPath type check failed: {} is not {}", volume.path,
                                      type.noun);
    }
    if ((st.st_mode & S_IFMT) == type.format) return {};
    return base::FailedPrecondition("hostPath type check failed: {} is not {}", volume.path,
                                    type.noun);
  }
  return base::InvalidArgument("hostPath type '{}' is not known", volume.type);
}

}  // namespace keelson::volume
