// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/rights/rights.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/kernel/capabilities/capabilities.h"

namespace keelson::rights {

using base::Error;
using base::Status;

Status Limit(int resource, const char* name, uint64_t value) {
  struct rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    return Error::FromErrno(errno, "getrlimit {}", name);
  limit.rlim_cur = limit.rlim_max = std::min<rlim_t>(value, limit.rlim_max);
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    return Error::FromErrno(errno, "setrlimit {}", name);
  return base::Ok();
}

Status BecomeNobody(uint32_t id) {
  if (geteuid() != 0) return base::Ok();  // somebody without rights already: tests
  RETURN_IF_ERROR(capabilities::DropBounding(0));
  if (setgroups(0, nullptr) != 0) return Error::FromErrno(errno, "setgroups");
  if (setresgid(id, id, id) != 0) return Error::FromErrno(errno, "setresgid");
  if (setresuid(id, id, id) != 0) return Error::FromErrno(errno, "setresuid");
  return capabilities::Apply({});
}

seccomp::Profile CommonCalls() {
  seccomp::Profile profile;
  profile.default_action = seccomp::Action::kErrno;
  profile.default_error = EPERM;
  profile.rules.push_back({.names = {"read",
                                     "write",
                                     "writev",
                                     "close",
                                     "lseek",
                                     "fstat",
                                     "newfstatat",
                                     "fcntl",
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
                                     "clock_gettime",
                                     "clock_nanosleep",
                                     "restart_syscall",
                                     "rt_sigaction",
                                     "rt_sigprocmask",
                                     "rt_sigreturn",
                                     "sigaltstack",
                                     "exit",
                                     "exit_group"}});
  // abort() by one of our own checks may end this process, nothing else.
  profile.rules.push_back(
      {.names = {"tgkill"}, .arguments = {{.index = 0, .value = static_cast<uint64_t>(getpid())}}});
  return profile;
}

void AllowThreads(seccomp::Profile& profile) {
  profile.rules.push_back({.names = {"clone"},
                           .arguments = {{.index = 0,
                                          .compare = seccomp::Compare::kMaskedEqual,
                                          .value = CLONE_THREAD,
                                          .value_two = CLONE_THREAD}}});
  profile.rules.push_back(
      {.names = {"clone3"}, .action = seccomp::Action::kErrno, .error = ENOSYS});
}

Status Confine(const std::string& program) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::FromErrno(errno, "PR_SET_DUMPABLE");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::FromErrno(errno, "no_new_privs");
  struct sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size() / sizeof(struct sock_filter));
  filter.filter = reinterpret_cast<struct sock_filter*>(const_cast<char*>(program.data()));
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
    return Error::FromErrno(errno, "install the seccomp filter");
  return base::Ok();
}

}  // namespace keelson::rights
