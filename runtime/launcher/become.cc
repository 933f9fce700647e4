// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher/become.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/os/socket.h"
#include "lib/os/unique_fd.h"
#include "runtime/launcher/labels.h"

namespace keelson::launcher {

using base::Error;
using base::Status;

namespace {

Status EnterDirectory(const std::string& cwd) {
  if (chdir(cwd.empty() ? "/" : cwd.c_str()) != 0)
    return Error::FromErrno(errno, "working directory '{}'", cwd);
  // A directory outside the root (reached through a descriptor) reads as "(unreachable)…":
  // CVE-2024-21626.
  char path[4096];
  const long size = syscall(SYS_getcwd, path, sizeof path);
  if (size < 0) return Error::FromErrno(errno, "working directory '{}'", cwd);
  if (path[0] != '/' && !KEELSON_WEAKENED_AT("getcwd"))
    return base::PermissionDenied("working directory '{}' is outside the container's root", cwd);
  return base::Ok();
}

Status InstallSeccomp(const spec::Process& process) {
  const std::string& program = process.seccomp_program;
  if (program.empty()) return base::Ok();
  if (program.size() % sizeof(sock_filter) != 0 || program.size() / sizeof(sock_filter) > 65535) {
    return base::InvalidArgument("seccomp program of {} bytes is not one", program.size());
  }
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()));
  const spec::Process::Further& further = process.further;
  uint32_t flags = further.seccomp_flags;
  if (further.seccomp_socket >= 0) flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (result < 0) return Error::FromErrno(errno, "install the seccomp filter");
  if (further.seccomp_socket < 0) return base::Ok();
  const os::UniqueFd listener(static_cast<int>(result));
  return os::SendMessage(further.seccomp_socket, further.seccomp_state, {listener.get()})
      .WithContext("hand over the seccomp listener");
}

Status SwitchUser(const spec::Identity& identity, bool groups_denied) {
  if (identity.uid == ~0u || identity.gid == ~0u)
    return base::InvalidArgument("user or group 4294967295 is not one");
  std::vector<gid_t> groups(identity.groups.begin(), identity.groups.end());
  if (groups_denied && !groups.empty())
    return base::InvalidArgument("additional groups are not to be had in this user namespace");
  if (!groups_denied && setgroups(groups.size(), groups.data()) != 0)
    return Error::FromErrno(errno, "setgroups");
  if (setresgid(identity.gid, identity.gid, identity.gid) != 0)
    return Error::FromErrno(errno, "setresgid {}", identity.gid);
  if (setresuid(identity.uid, identity.uid, identity.uid) != 0)
    return Error::FromErrno(errno, "setresuid {}", identity.uid);
  return base::Ok();
}

// A stream that is the machine's /dev/null becomes the container's own: whoever has a descriptor of
// a device may change its owner and mode, and that one is everybody's. Where the container has
// none, it stays if its mount forbids such changes.
Status OwnNullDevices() {
  const auto is_null = [](int fd) {
    struct stat st{};
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
  };
  for (int fd = 0; fd < 3; ++fd) {
    if (!is_null(fd)) continue;
    const os::UniqueFd own(openat(AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (own && is_null(own.get())) {
      if (dup2(own.get(), fd) < 0) return Error::FromErrno(errno, "set up stream {}", fd);
      continue;
    }
    struct statvfs place{};
    if (fstatvfs(fd, &place) != 0 || (place.f_flag & ST_RDONLY) == 0)
      return base::FailedPrecondition(
          "stream {} is the machine's /dev/null, and the container has none of its own", fd);
  }
  return base::Ok();
}

// What glibc has no wrapper for (sched_setattr(2), first version).
struct SchedulerAttributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

Status TakeOnFurther(const spec::Process::Further& further) {
  if (further.umask) (void)umask(*further.umask);
  if (further.personality && personality(*further.personality) < 0)
    return Error::FromErrno(errno, "personality {:#x}", *further.personality);
  if (further.io_priority &&
      syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, *further.io_priority) != 0)
    return Error::FromErrno(errno, "set the I/O priority");
  if (further.memory_policy) {
    const auto& wish = *further.memory_policy;
    // The kernel reads one bit less than it is told.
    const unsigned long bits = wish.nodes.empty() ? 0 : wish.nodes.size() * 64 + 1;
    if (syscall(SYS_set_mempolicy, wish.mode, wish.nodes.empty() ? nullptr : wish.nodes.data(),
                bits) != 0)
      return Error::FromErrno(errno, "set the memory policy {:#x}", wish.mode);
  }
  if (further.scheduler) {
    const auto& wish = *further.scheduler;
    SchedulerAttributes attributes{sizeof attributes, wish.policy,  wish.flags,    wish.nice,
                                   wish.priority,     wish.runtime, wish.deadline, wish.period};
    const bool set = syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
    if (!set && errno == EPERM && wish.policy == 6 /* SCHED_DEADLINE */)
      return Error::FromErrno(errno, "process scheduler can't be used together with AllowedCPUs");
    if (!set) return Error::FromErrno(errno, "set the scheduler");
  }
  return base::Ok();
}

}  // namespace

Status SetLimits(const spec::Process& process) {
  for (const spec::Rlimit& limit : process.rlimits) {
    rlimit64 value{limit.soft, limit.hard};
    if (prlimit64(0, static_cast<__rlimit_resource>(limit.resource), &value, nullptr) == 0)
      continue;
    if (errno != EPERM) return Error::FromErrno(errno, "set resource limit {}", limit.resource);
    rlimit64 now{};
    if (prlimit64(0, static_cast<__rlimit_resource>(limit.resource), nullptr, &now) != 0) continue;
    value.rlim_max = now.rlim_max;
    value.rlim_cur = std::min(limit.soft, now.rlim_max);
    (void)prlimit64(0, static_cast<__rlimit_resource>(limit.resource), &value, nullptr);
  }
  return base::Ok();
}

Status BecomeRootInside(bool groups_denied) {
  if (setresgid(0, 0, 0) != 0 || (!groups_denied && setgroups(0, nullptr) != 0) ||
      setresuid(0, 0, 0) != 0)
    return Error::FromErrno(errno, "become root in the user namespace");
  return base::Ok();
}

Status TakeOnRole(const spec::Process& process) {
  RETURN_IF_ERROR(EnterDirectory(process.cwd));
  RETURN_IF_ERROR(SetLimits(process));
  RETURN_IF_ERROR(SetExecLabels(process));
  RETURN_IF_ERROR(TakeOnFurther(process.further));
  RETURN_IF_ERROR(OwnNullDevices());
  // /dev/stdout is opened anew by many programs: the pipe must belong to the user that runs. Files
  // that are not ours stay.
  for (int fd = 0; fd < 3; ++fd) {
    struct stat st{};
    if (fstat(fd, &st) == 0 &&
        (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || (process.terminal && S_ISCHR(st.st_mode))))
      (void)!fchown(fd, process.identity.uid, static_cast<gid_t>(-1));
  }
  RETURN_IF_ERROR(capabilities::DropBounding(process.capabilities.bounding));
  if (process.no_new_privileges) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::FromErrno(errno, "no_new_privs");
  } else {
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, which is about to go.
    RETURN_IF_ERROR(InstallSeccomp(process));
  }
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return Error::FromErrno(errno, "keep capabilities");
  RETURN_IF_ERROR(SwitchUser(process.identity, process.further.root_groups_denied));
  const spec::Capabilities& sets = process.capabilities;
  RETURN_IF_ERROR(capabilities::Apply(
      {sets.bounding, sets.effective, sets.permitted,
       KEELSON_WEAKENED_AT("inheritable") ? sets.bounding : sets.inheritable, sets.ambient}));
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return Error::FromErrno(errno, "keep capabilities");
  if (process.no_new_privileges) RETURN_IF_ERROR(InstallSeccomp(process));
  return base::Ok();
}

namespace {

Error NoCommand() {
  return base::InvalidArgument("no command to run: neither the container nor its image names one");
}

Error NotInPath(const std::string& name) {
  return base::NotFound("exec \"{}\": executable file not found in $PATH", name);
}

// The folders in which a name without a slash is looked for.
std::vector<std::string> SearchPath(const spec::Process& process) {
  std::string_view search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& variable : process.env) {
    if (variable.starts_with("PATH=")) search = std::string_view(variable).substr(5);
  }
  std::vector<std::string> out;
  for (const std::string_view folder : base::Split(search, ':'))
    out.emplace_back(folder.empty() ? "." : folder);
  return out;
}

}  // namespace

Status FindProgram(const spec::Process& process) {
  if (process.args.empty() || process.args[0].empty()) return NoCommand();
  const os::UniqueFd from(openat(AT_FDCWD, process.cwd.c_str(), O_PATH | O_CLOEXEC));
  const auto look = [&](const std::string& path) {
    struct stat st{};
    if (fstatat(from.get(), path.c_str(), &st, 0) != 0) return errno;
    if (S_ISDIR(st.st_mode) || faccessat(from.get(), path.c_str(), X_OK, 0) != 0) return EACCES;
    return 0;
  };
  const std::string& name = process.args[0];
  if (name.find('/') != std::string::npos) {
    const int failure = look(name);
    return failure == 0 ? base::Ok() : Status(Error::FromErrno(failure, "exec \"{}\"", name));
  }
  int failure = ENOENT;
  for (const std::string& folder : SearchPath(process)) {
    const int result = look(folder + "/" + name);
    if (result == 0) return base::Ok();
    if (result != ENOENT && result != ENOTDIR) failure = result;
  }
  if (failure == ENOENT) return NotInPath(name);
  return Error::FromErrno(failure, "exec \"{}\"", name);
}

Error Execute(const spec::Process& process) {
  if (process.args.empty() || process.args[0].empty()) return NoCommand();
  std::vector<char*> argv;
  std::vector<char*> env;
  for (const std::string& word : process.args) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& word : process.env) env.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  // Whatever is open beyond the standard streams must not come along, wherever it came from.
  (void)syscall(SYS_close_range, 3u + process.further.kept_descriptors, ~0u,
                4u /* CLOSE_RANGE_CLOEXEC */);
  const std::string& name = process.args[0];
  if (name.find('/') != std::string::npos) {
    execve(name.c_str(), argv.data(), env.data());
    return Error::FromErrno(errno, "exec \"{}\"", name);
  }
  int failure = ENOENT;
  for (const std::string& folder : SearchPath(process)) {
    const std::string path = folder + "/" + name;
    execve(path.c_str(), argv.data(), env.data());
    if (errno != ENOENT && errno != ENOTDIR) failure = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  if (failure == ENOENT) return NotInPath(name);
  return Error::FromErrno(failure, "exec \"{}\"", name);
}

}  // namespace keelson::launcher
