// SPDX-License-Identifier: Apache-2.0
#include "oci/container/namespaces.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "oci/plan/mount_options.h"
#include "oci/plan/plan.h"
#include "runtime/launcher/become.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

Status BringLoopbackUp() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::FromErrno(errno, "socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0)
    return Error::FromErrno(errno, "look at the loopback link");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return Error::FromErrno(errno, "bring the loopback link up");
  return base::Ok();
}

// Nothing that is mounted from now on may reach the host, unless the root is asked to share it.
Status PartFromHost(const std::string& root, const std::string& propagation) {
  const uint64_t flags = PropagationOf(propagation);
  ASSIGN_OR_RETURN(const UniqueFd all, os::Open("/", O_PATH | O_DIRECTORY));
  if ((flags & MS_SHARED) == 0) {
    const uint64_t wanted = (flags & MS_PRIVATE) != 0 ? MS_PRIVATE : MS_SLAVE;
    return mount::SetAttributes(all.get(), 0, 0, wanted, true);
  }
  // The root's own mount at least: what is mounted on it stays here.
  for (std::string path = root;; path.resize(std::max<size_t>(1, path.find_last_of('/')))) {
    ASSIGN_OR_RETURN(const UniqueFd place, os::Open(path, O_PATH));
    const Status status = mount::SetAttributes(place.get(), 0, 0, MS_PRIVATE, false);
    if (status.ok() || status.error().os_errno() != EINVAL || path == "/") return status;
  }
}

// With the setuid programs of the shadow package, where the kernel lets only them.
Status MapByProgram(const char* program, pid_t process, const std::vector<IdMapping>& mappings) {
  os::SpawnOptions options;
  options.argv = {program, std::to_string(process)};
  for (const IdMapping& mapping : mappings) {
    for (const uint32_t number : {mapping.container, mapping.host, mapping.size})
      options.argv.push_back(std::to_string(number));
  }
  options.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  ASSIGN_OR_RETURN(const os::CommandResult result,
                   os::RunCommand(options, "", std::chrono::seconds(60)));
  if (result.status.code() == 0) return base::Ok();
  return base::PermissionDenied("{}: {}", program, base::Trim(result.err));
}

Status Map(const char* file, const char* program, pid_t process,
           const std::vector<IdMapping>& mappings) {
  const Status written =
      os::WriteControl(AT_FDCWD, fmt::format("/proc/{}/{}", process, file), MapText(mappings));
  if (written.ok() || written.error().os_errno() != EPERM || geteuid() == 0) return written;
  return MapByProgram(program, process, mappings);
}

}  // namespace

Result<Namespaces> Namespaces::Open(const Config& config) {
  Namespaces out;
  for (const NamespaceEntry& entry : config.system.namespaces) {
    const uint64_t flag = NamespaceFlag(entry.type);
    if (flag == CLONE_NEWUSER) out.user_ = true;
    if (entry.path.empty()) {
      out.fresh_ |= flag;
      continue;
    }
    Result<UniqueFd> fd = os::Open(entry.path, O_RDONLY);
    if (!fd.ok()) return fd.error().WithContext("namespace \"" + entry.type + "\"");
    const int kind = ioctl(fd->get(), NS_GET_NSTYPE);
    if (kind < 0 || static_cast<uint64_t>(static_cast<uint32_t>(kind)) != flag)
      return base::InvalidArgument("'{}' is no {} namespace", entry.path, entry.type);
    // Whoever is in it already need not and, with a user namespace, may not enter it.
    struct stat theirs{}, ours{};
    if (fstat(fd->get(), &theirs) == 0 &&
        stat(("/proc/self/ns/" + NamespaceFile(entry.type)).c_str(), &ours) == 0 &&
        theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev) {
      if (flag == CLONE_NEWUSER) out.user_ = false;
      continue;
    }
    out.joined_.push_back({std::move(fd).value(), flag, entry.type});
  }
  out.uids_ = config.system.uid_mappings;
  out.gids_ = config.system.gid_mappings;
  for (const TimeOffset& offset : config.system.time_offsets)
    out.offsets_ += fmt::format("{} {} {}\n", offset.clock, offset.seconds, offset.nanoseconds);
  return out;
}

std::vector<int> Namespaces::descriptors() const {
  std::vector<int> out;
  for (const Joined& joined : joined_) out.push_back(joined.fd.get());
  return out;
}

Status Namespaces::JoinAll(bool must) {
  for (Joined& joined : joined_) {
    if (joined.done || joined.flag == CLONE_NEWUSER) continue;
    joined.done = setns(joined.fd.get(), static_cast<int>(joined.flag)) == 0;
    if (!joined.done && must) return Error::FromErrno(errno, "enter the {} namespace", joined.name);
  }
  return base::Ok();
}

Result<bool> Namespaces::EnterUser(const std::function<Status()>& ask) {
  // Namespaces of the host's must be entered with the host's rights, others with the new ones.
  RETURN_IF_ERROR(JoinAll(false));
  if (fresh_user()) {
    if (unshare(CLONE_NEWUSER) != 0) return Error::FromErrno(errno, "new user namespace");
    // Who has no rights over a process that is not dumpable can't write its mappings.
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    RETURN_IF_ERROR(ask());
  } else {
    for (Joined& joined : joined_) {
      if (joined.flag == CLONE_NEWUSER && setns(joined.fd.get(), CLONE_NEWUSER) != 0)
        return Error::FromErrno(errno, "enter the user namespace");
    }
  }
  const Result<std::string> groups = os::ReadFile("/proc/self/setgroups", 64);
  const bool denied = groups.ok() && base::Trim(*groups) == "deny";
  RETURN_IF_ERROR(launcher::BecomeRootInside(denied));
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return denied;
}

Result<bool> Namespaces::Enter(const std::function<Status()>& ask, const std::string& root,
                               const std::string& propagation) {
  bool denied = false;
  if (user_) {
    ASSIGN_OR_RETURN(denied, EnterUser(ask));
  } else if (const Result<std::string> groups = os::ReadFile("/proc/self/setgroups", 64);
             groups.ok()) {
    denied = base::Trim(*groups) == "deny";
  }
  RETURN_IF_ERROR(JoinAll(true));
  const uint64_t now = fresh_ & ~uint64_t{CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWCGROUP};
  if (now != 0 && unshare(static_cast<int>(now)) != 0)
    return Error::FromErrno(errno, "make new namespaces ({:#x})", now);
  if (!offsets_.empty()) {
    // Of a process that is not dumpable the file is the host's root's.
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    Status written = os::WriteControl(AT_FDCWD, "/proc/self/timens_offsets", offsets_);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    RETURN_IF_ERROR(std::move(written).WithContext("linux.timeOffsets"));
  }
  if ((now & CLONE_NEWNET) != 0) RETURN_IF_ERROR(BringLoopbackUp());
  if ((now & CLONE_NEWNS) != 0)
    RETURN_IF_ERROR(PartFromHost(root, propagation).WithContext("part from the host's mounts"));
  joined_.clear();
  return denied;
}

Status Namespaces::MapUsers(pid_t process) const {
  const bool alone = geteuid() != 0 && gids_.size() == 1 && gids_[0].size == 1;
  // Nobody without rights may drop groups that take rights away.
  if (alone)
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, fmt::format("/proc/{}/setgroups", process), "deny"));
  RETURN_IF_ERROR(Map("gid_map", "newgidmap", process, gids_).WithContext("linux.gidMappings"));
  return Map("uid_map", "newuidmap", process, uids_).WithContext("linux.uidMappings");
}

}  // namespace keelson::oci
