// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/rights.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/kernel/rights/rights.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::fetch {
namespace {

using base::Error;
using base::Status;

constexpr uint64_t kMaxFileBytes =
    64u << 20;  // documents go to a memfd of the daemon's; pipes do not count

seccomp::Profile SystemCalls() {
  using seccomp::Compare;
  seccomp::Profile profile = rights::CommonCalls();
  profile.rules.push_back({.names = {"readv",
                                     "pread64",
                                     "stat",
                                     "lstat",
                                     "statx",
                                     "access",
                                     "faccessat",
                                     "faccessat2",
                                     "readlink",
                                     "readlinkat",
                                     "getdents64",
                                     "ioctl",
                                     "dup",
                                     "dup3",
                                     "pipe2",
                                     "eventfd2",
                                     "poll",
                                     "ppoll",
                                     "select",
                                     "pselect6",
                                     "epoll_create1",
                                     "epoll_ctl",
                                     "epoll_wait",
                                     "epoll_pwait",
                                     "connect",
                                     "bind",
                                     "getsockname",
                                     "getpeername",
                                     "getsockopt",
                                     "setsockopt",
                                     "shutdown",
                                     "sendto",
                                     "sendmsg",
                                     "sendmmsg",
                                     "recvfrom",
                                     "recvmsg",
                                     "recvmmsg",
                                     "socketpair",
                                     "set_robust_list",
                                     "rseq",
                                     "sched_getaffinity",
                                     "getuid",
                                     "geteuid",
                                     "getgid",
                                     "getegid",
                                     "uname",
                                     "sysinfo",
                                     "getcwd",
                                     "gettimeofday",
                                     "time",
                                     "clock_getres",
                                     "nanosleep",
                                     "prlimit64",
                                     "getrlimit"}});
  // Reading is allowed, as far as a user who owns nothing may.
  const uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  profile.rules.push_back(
      {.names = {"openat"},
       .arguments = {
           {.index = 2, .compare = Compare::kMaskedEqual, .value = writing, .value_two = 0}}});
  profile.rules.push_back(
      {.names = {"open"},
       .arguments = {
           {.index = 1, .compare = Compare::kMaskedEqual, .value = writing, .value_two = 0}}});
  for (const uint64_t family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
    profile.rules.push_back({.names = {"socket"}, .arguments = {{.index = 0, .value = family}}});
  }
  rights::AllowThreads(profile);
  return profile;
}

}  // namespace

Status GiveUpRights() {
  base::Result<std::string> program = seccomp::Compile(SystemCalls());
  if (!program.ok()) return program.error();
  if (chdir("/") != 0) return Error::FromErrno(errno, "chdir /");
  RETURN_IF_ERROR(rights::BecomeNobody(kFetchUser).WithContext("give up rights"));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_NOFILE, "NOFILE", 256));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_FSIZE, "FSIZE", kMaxFileBytes));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CORE, "CORE", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_AS, "AS", uint64_t{2} << 30));
  return rights::Confine(*program);
}

}  // namespace keelson::fetch
