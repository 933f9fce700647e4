// SPDX-License-Identifier: Apache-2.0
#include "runtime/volume/open_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "lib/base/log.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/process.h"
#include "lib/os/socket.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

namespace keelson::volume {
namespace {

using base::Error;
using base::Result;
using os::UniqueFd;

constexpr long kAutofs = 0x187;  // <linux/magic.h>

// Nothing, when it cannot be had without waiting.
Result<UniqueFd> OpenCached(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  UniqueFd found(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (!found) {
    // Kernels before 5.12 refuse the flag.
    if (errno == EAGAIN || errno == EINVAL || errno == ENOSYS) return UniqueFd();
    return Error::FromErrno(errno, "open '{}'", path);
  }
  // A place where something is mounted on the first visit: opening by descriptor is no visit.
  struct statfs kind{};
  if (fstatfs(found.get(), &kind) != 0 || kind.f_type == kAutofs) return UniqueFd();
  return found;
}

void Put(os::ChildProcess child, const std::string& path) {
  (void)child.Signal(SIGKILL);
  const Result<std::optional<os::ExitStatus>> ended = child.WaitFor(std::chrono::seconds(1));
  if (ended.ok() && ended->has_value()) return;
  base::LogWarn("a process hangs in a filesystem and cannot be killed",
                {{"pid", child.pid()}, {"path", path}});
  child.Release();
}

}  // namespace

Result<UniqueFd> OpenSource(const Opener& opener, const std::string& path,
                            const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const UniqueFd cached, OpenCached(path));
  if (cached) return mount::CloneTree(cached.get(), "", true);

  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return Error::FromErrno(errno, "socketpair");
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  os::SpawnOptions spawn;
  spawn.argv = {opener.program, path};
  spawn.fds = {{theirs.get(), 3}};
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(spawn));
  theirs.reset();

  const UniqueFd unwanted(eventfd(0, EFD_CLOEXEC));
  if (!unwanted) return Error::FromErrno(errno, "eventfd");
  const std::stop_callback on_stop(stop, [&unwanted] {
    const uint64_t one = 1;
    (void)!write(unwanted.get(), &one, sizeof one);
  });
  pollfd waits[] = {{ours.get(), POLLIN, 0}, {unwanted.get(), POLLIN, 0}};
  int ready = -1;
  do {
    ready = poll(waits, 2, static_cast<int>(opener.patience.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    Put(std::move(child), path);
    return base::DeadlineExceeded(
        "'{}' did not answer for {} s: its filesystem is dead, or its server hangs", path,
        std::chrono::ceil<std::chrono::seconds>(opener.patience).count());
  }
  if (waits[1].revents != 0) {
    Put(std::move(child), path);
    return base::Cancelled("nobody wants '{}' any more", path);
  }
  Result<os::Message> answer = os::ReceiveMessage(ours.get());
  if (!answer.ok()) return answer.error().WithContext("open '" + path + "'");
  if (answer->fds.size() == 1) return std::move(answer->fds.front());
  int number = EIO;
  (void)std::from_chars(answer->bytes.data(), answer->bytes.data() + answer->bytes.size(), number);
  return Error::FromErrno(number, "open '{}'", path);
}

}  // namespace keelson::volume
