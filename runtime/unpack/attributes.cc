// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace keelson::unpack {
namespace {

using base::Error;
using base::Status;

struct TimePair {
  explicit TimePair(const TarEntry& entry) {
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = entry.mtime_seconds;
    times[1].tv_nsec = entry.mtime_nanos;
  }
  struct timespec times[2] = {};
};

}  // namespace

bool KeepsXattr(std::string_view name) {
  if (name == "security.capability" || name == "system.posix_acl_access" ||
      name == "system.posix_acl_default")
    return true;
  return name.starts_with("user.") && !name.starts_with("user.overlay.");
}

Status SetAttributes(int fd, const TarEntry& entry) {
  // In this order: a change of owner clears set-id bits and file capabilities.
  if (fchown(fd, static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) {
    return Error::FromErrno(errno, "set owner {}:{}", entry.uid, entry.gid);
  }
  if (fchmod(fd, entry.mode) != 0) return Error::FromErrno(errno, "set mode {:o}", entry.mode);
  for (const auto& [name, value] : entry.xattrs) {
    if (!KeepsXattr(name)) continue;
    if (fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 && errno != EOPNOTSUPP) {
      return Error::FromErrno(errno, "set attribute {}", name);
    }
  }
  return base::Ok();
}

Status SetTimes(int fd, const TarEntry& entry) {
  const TimePair pair(entry);
  if (futimens(fd, pair.times) != 0) return Error::FromErrno(errno, "set time");
  return base::Ok();
}

Status SetAttributesAt(int parent, const std::string& name, const TarEntry& entry) {
  if (fchownat(parent, name.c_str(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid),
               AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::FromErrno(errno, "set owner {}:{}", entry.uid, entry.gid);
  }
  // A symlink's mode is never looked at; the others cannot be a symlink here, for nothing else
  // writes into this directory.
  if (entry.kind != TarEntry::Kind::kSymlink &&
      fchmodat(parent, name.c_str(), entry.mode, 0) != 0) {
    return Error::FromErrno(errno, "set mode {:o}", entry.mode);
  }
  const TimePair pair(entry);
  if (utimensat(parent, name.c_str(), pair.times, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::FromErrno(errno, "set time");
  return base::Ok();
}

}  // namespace keelson::unpack
