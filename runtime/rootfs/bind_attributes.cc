// SPDX-License-Identifier: Apache-2.0
#include "runtime/rootfs/bind_attributes.h"

#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <string>

#include "lib/base/strings.h"
#include "lib/kernel/mount/mount.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace keelson::rootfs {

using base::Error;
using base::Result;
using base::Status;

namespace {

struct Lockable {
  uint64_t attribute;
  long seen;  // f_flags of statfs(2)
  const char* name;
};
constexpr Lockable kLockable[] = {{MOUNT_ATTR_RDONLY, 0x1, "ro"},
                                  {MOUNT_ATTR_NOSUID, 0x2, "nosuid"},
                                  {MOUNT_ATTR_NODEV, 0x4, "nodev"},
                                  {MOUNT_ATTR_NOEXEC, 0x8, "noexec"}};
constexpr uint64_t kLocks =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr uint64_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

bool NamesTimes(const spec::Mount& item) {
  return (item.further.clear & MOUNT_ATTR__ATIME) != 0 || (item.attributes & kTimes) != 0;
}

Result<long> FlagsOf(int mount) {
  struct statfs st{};
  if (fstatfs(mount, &st) != 0) return Error::FromErrno(errno, "look at the mount's flags");
  return st.f_flags;
}

// What a file system itself forbids (a read-only one) is seen as well, and is no lock of the
// mount's: it is seen again after the mount's own was taken away.
Result<uint64_t> AttributesOf(int mount) {
  ASSIGN_OR_RETURN(long flags, FlagsOf(mount));
  if ((flags & 0x1) != 0 && mount::SetAttributes(mount, 0, MOUNT_ATTR_RDONLY, 0, false).ok()) {
    ASSIGN_OR_RETURN(const long writable, FlagsOf(mount));
    if ((writable & 0x1) != 0) {
      flags &= ~0x1L;
    } else {
      RETURN_IF_ERROR(mount::SetAttributes(mount, MOUNT_ATTR_RDONLY, 0, 0, false));
    }
  }
  uint64_t found = 0;
  for (const Lockable& lock : kLockable) {
    if ((flags & lock.seen) != 0) found |= lock.attribute;
  }
  if ((flags & 0x400) != 0) {
    found |= MOUNT_ATTR_NOATIME;
  } else if ((flags & 0x1000) == 0) {
    found |= MOUNT_ATTR_STRICTATIME;
  }
  if ((flags & 0x800) != 0) found |= MOUNT_ATTR_NODIRATIME;
  return found;
}

}  // namespace

AttributeChange ExactAttributes(const spec::Mount& item) {
  AttributeChange change{item.attributes, item.further.clear};
  change.clear |= (kLocks | MOUNT_ATTR_NOSYMFOLLOW) & ~change.set;
  change.clear &= ~kTimes;
  if (NamesTimes(item))
    change.clear |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~item.attributes);
  return change;
}

Result<AttributeChange> WithinLocks(const spec::Mount& item, uint64_t source) {
  AttributeChange change = ExactAttributes(item);
  const bool opens = (source & kLocks & change.clear) != 0;
  const bool other_times = NamesTimes(item) && ((source ^ change.set) & kTimes) != 0;
  if (!opens && !other_times) return change;
  std::vector<std::string> names;
  for (const Lockable& lock : kLockable) {
    if ((source & item.further.clear & lock.attribute) != 0) names.emplace_back(lock.name);
  }
  if (other_times) names.emplace_back("times of access");
  if (!names.empty()) {
    return Error::FromErrno(
        EPERM, "cannot take away what the host's mount forbids in a user namespace, {}",
        base::Join(names, ", "));
  }
  change.set |= source & kLocks;
  change.clear &= ~change.set;
  return change;
}

Status SetBindAttributes(int mount, const spec::Mount& item) {
  const auto set = [&](const AttributeChange& change) {
    return mount::SetAttributes(mount, change.set, change.clear, 0, item.recursive_attributes);
  };
  if (!item.further.exact) return set({item.attributes, item.further.clear});
  if (!item.further.locked) {
    const Status done = set(ExactAttributes(item));
    // In a user namespace that others have made for us the kernel itself says no.
    if (done.ok() || done.error().os_errno() != EPERM) return done;
  }
  ASSIGN_OR_RETURN(const uint64_t source, AttributesOf(mount));
  ASSIGN_OR_RETURN(const AttributeChange change, WithinLocks(item, source));
  return set(change);
}

}  // namespace keelson::rootfs
