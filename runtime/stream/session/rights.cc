// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/rights.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/kernel/capabilities/capabilities.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::stream {
namespace {

using base::Error;
using base::Status;

constexpr rlim_t kMaxFiles = 16384;  // five of each session, two of each forwarded connection

Status Limit(__rlimit_resource resource, rlim_t value) {
  struct rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return Error::FromErrno(errno, "getrlimit");
  limit.rlim_cur = limit.rlim_max = std::min<rlim_t>(value, limit.rlim_max);
  if (setrlimit(resource, &limit) != 0) return Error::FromErrno(errno, "setrlimit");
  return base::Ok();
}

seccomp::Profile SystemCalls() {
  seccomp::Profile profile;
  profile.default_action = seccomp::Action::kErrno;
  profile.default_error = EPERM;
  profile.rules.push_back({.names = {"read",
                                     "write",
                                     "readv",
                                     "writev",
                                     "close",
                                     "fcntl",
                                     "fstat",
                                     "newfstatat",
                                     "lseek",
                                     "dup",
                                     "epoll_ctl",
                                     "epoll_wait",
                                     "epoll_pwait",
                                     "poll",
                                     "accept4",
                                     "sendto",
                                     "sendmsg",
                                     "recvfrom",
                                     "recvmsg",
                                     "shutdown",
                                     "getsockopt",
                                     "setsockopt",
                                     "mmap",
                                     "munmap",
                                     "mremap",
                                     "mprotect",
                                     "madvise",
                                     "brk",
                                     "futex",
                                     "sched_yield",
                                     "getpid",
                                     "gettid",
                                     "getrandom",
                                     "gettimeofday",
                                     "time",
                                     "clock_gettime",
                                     "clock_nanosleep",
                                     "restart_syscall",
                                     "rt_sigaction",
                                     "rt_sigprocmask",
                                     "rt_sigreturn",
                                     "sigaltstack",
                                     "exit",
                                     "exit_group"}});
  profile.rules.push_back({.names = {"ioctl"}, .arguments = {{.index = 1, .value = SIOCOUTQ}}});
  profile.rules.push_back(
      {.names = {"tgkill"}, .arguments = {{.index = 0, .value = static_cast<uint64_t>(getpid())}}});
  return profile;
}

Status BecomeNobody() {
  if (geteuid() != 0) return base::Ok();  // somebody without rights already: tests
  RETURN_IF_ERROR(capabilities::DropBounding(0));
  if (setgroups(0, nullptr) != 0) return Error::FromErrno(errno, "setgroups");
  if (setresgid(kStreamUser, kStreamUser, kStreamUser) != 0)
    return Error::FromErrno(errno, "setresgid");
  if (setresuid(kStreamUser, kStreamUser, kStreamUser) != 0)
    return Error::FromErrno(errno, "setresuid");
  return capabilities::Apply({});
}

}  // namespace

Status GiveUpRights() {
  base::Result<std::string> program = seccomp::Compile(SystemCalls());
  if (!program.ok()) return program.error();
  if (chdir("/") != 0) return Error::FromErrno(errno, "chdir /");
  RETURN_IF_ERROR(BecomeNobody().WithContext("give up rights"));
  RETURN_IF_ERROR(Limit(RLIMIT_NOFILE, kMaxFiles));
  RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, 0));  // pipes and sockets do not count
  RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0));
  RETURN_IF_ERROR(Limit(RLIMIT_AS, rlim_t{4} << 30));
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::FromErrno(errno, "PR_SET_DUMPABLE");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::FromErrno(errno, "no_new_privs");
  struct sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program->size() / sizeof(struct sock_filter));
  filter.filter = reinterpret_cast<struct sock_filter*>(program->data());
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
    return Error::FromErrno(errno, "install the seccomp filter");
  return base::Ok();
}

}  // namespace keelson::stream
