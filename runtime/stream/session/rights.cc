// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/rights.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "lib/kernel/rights/rights.h"
#include "lib/kernel/seccomp/seccomp.h"

namespace keelson::stream {
namespace {

using base::Error;
using base::Status;

constexpr rlim_t kMaxFiles = 16384;  // five of each session, two of each forwarded connection

seccomp::Profile SystemCalls() {
  seccomp::Profile profile = rights::CommonCalls();
  profile.rules.push_back(
      {.names = {"readv", "dup", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "accept4",
                 "sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown", "getsockopt", "setsockopt",
                 "gettimeofday", "time"}});
  profile.rules.push_back({.names = {"ioctl"}, .arguments = {{.index = 1, .value = SIOCOUTQ}}});
  return profile;
}

}  // namespace

Status GiveUpRights() {
  base::Result<std::string> program = seccomp::Compile(SystemCalls());
  if (!program.ok()) return program.error();
  if (chdir("/") != 0) return Error::FromErrno(errno, "chdir /");
  RETURN_IF_ERROR(rights::BecomeNobody(kStreamUser).WithContext("give up rights"));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_NOFILE, "NOFILE", kMaxFiles));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_FSIZE, "FSIZE", 0));  // pipes and sockets do not count
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CORE, "CORE", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_AS, "AS", rlim_t{4} << 30));
  return rights::Confine(*program);
}

}  // namespace keelson::stream
