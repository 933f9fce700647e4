// SPDX-License-Identifier: Apache-2.0
#include "lib/os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::os {

using base::Error;
using base::Result;
using base::Status;

namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Actions {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  Actions() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~Actions() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

Result<ChildProcess> ChildProcess::Spawn(const SpawnOptions& options) {
  if (options.argv.empty()) return base::InvalidArgument("spawn: empty argv");
  Actions setup;
  // First every source is copied above all targets, so that no dup2 overwrites a descriptor that is
  // still needed.
  int highest = 2;
  for (const auto& [ours, theirs] : options.fds) highest = std::max({highest, ours, theirs});
  std::vector<UniqueFd> lifted;
  bool standard[3] = {false, false, false};
  for (const auto& [ours, theirs] : options.fds) {
    UniqueFd copy(fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (!copy) return Error::FromErrno(errno, "duplicate descriptor {}", ours);
    posix_spawn_file_actions_adddup2(&setup.actions, copy.get(), theirs);
    if (theirs < 3) standard[theirs] = true;
    lifted.push_back(std::move(copy));
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (!standard[fd]) posix_spawn_file_actions_addopen(&setup.actions, fd, "/dev/null", O_RDWR, 0);
  }
  // Whatever else this process holds, or inherited without close-on-exec, stays here. The program's
  // own descriptor is close-on-exec and must live until exec.
  UniqueFd program;
  int keep_below = highest + 1;
  if (options.program) {
    program.reset(fcntl(*options.program, F_DUPFD_CLOEXEC, highest + 1));
    if (!program) return Error::FromErrno(errno, "duplicate the program's descriptor");
    keep_below = program.get() + 1;
  }
  for (int fd = 3; fd < keep_below; ++fd) {
    const bool wanted =
        fd == program.get() || std::any_of(options.fds.begin(), options.fds.end(),
                                           [fd](const auto& pair) { return pair.second == fd; });
    if (!wanted) posix_spawn_file_actions_addclose(&setup.actions, fd);
  }
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, keep_below);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&setup.attributes, &none);
  posix_spawnattr_setsigdefault(&setup.attributes, &all);
  if (options.new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&setup.attributes, flags);
  const std::vector<char*> argv = Pointers(options.argv);
  const std::vector<char*> env = Pointers(options.env);
  pid_t pid = -1;
  int failure = 0;
  if (options.program) {
    const std::string path = fmt::format("/proc/self/fd/{}", program.get());
    failure =
        posix_spawn(&pid, path.c_str(), &setup.actions, &setup.attributes, argv.data(), env.data());
  } else {
    failure =
        posix_spawnp(&pid, argv[0], &setup.actions, &setup.attributes, argv.data(), env.data());
  }
  if (failure != 0) return Error::FromErrno(failure, "run '{}'", options.argv[0]);
  Result<UniqueFd> pidfd = OpenPidfd(pid);
  if (!pidfd.ok()) return pidfd.error();
  return ChildProcess(pid, std::move(pidfd).value());
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  (void)kill(pid_, SIGKILL);
  (void)Wait();
}

void ChildProcess::Release() { pid_ = -1; }

Result<ExitStatus> ChildProcess::Wait() {
  // Waited for before: waitpid(-1) would take another child's end.
  if (pid_ <= 0) return base::FailedPrecondition("the process was waited for before");
  ExitStatus status;
  while (waitpid(pid_, &status.wait_status, 0) < 0) {
    if (errno != EINTR) return Error::FromErrno(errno, "wait for process {}", pid_);
  }
  pid_ = -1;
  return status;
}

Result<std::optional<ExitStatus>> ChildProcess::WaitFor(std::chrono::milliseconds timeout) {
  const base::SteadyTime deadline = base::SystemClock().Steady() + timeout;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - base::SystemClock().Steady())
                          .count();
    pollfd item{pidfd_.get(), POLLIN, 0};
    const int n = poll(&item, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "poll pidfd");
    if (n == 0) return std::optional<ExitStatus>();
    ASSIGN_OR_RETURN(const ExitStatus status, Wait());
    return std::optional<ExitStatus>(status);
  }
}

Status ChildProcess::Signal(int signal) { return SignalPidfd(pidfd_.get(), signal); }

Result<CommandResult> RunCommand(const SpawnOptions& options, std::string_view input,
                                 std::chrono::milliseconds timeout, size_t limit) {
  const std::string name = options.argv.empty() ? "" : options.argv[0];
  ASSIGN_OR_RETURN(Pipe in, CreatePipe());
  ASSIGN_OR_RETURN(Pipe out, CreatePipe());
  ASSIGN_OR_RETURN(Pipe err, CreatePipe());
  SpawnOptions with_pipes = options;
  with_pipes.fds.emplace_back(in.read_end.get(), 0);
  with_pipes.fds.emplace_back(out.write_end.get(), 1);
  with_pipes.fds.emplace_back(err.write_end.get(), 2);
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Spawn(with_pipes));
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  RETURN_IF_ERROR(SetNonBlocking(in.write_end.get(), true));
  if (input.empty()) in.write_end.reset();

  CommandResult result;
  const base::SteadyTime deadline = base::SystemClock().Steady() + timeout;
  bool exited = false;
  while (!exited || out.read_end || err.read_end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                          deadline - base::SystemClock().Steady())
                          .count();
    if (left <= 0)
      return base::DeadlineExceeded("'{}' did not end within {} ms", name, timeout.count());
    // A grandchild may hold the pipes after the program itself has ended: then only what is there
    // already is read.
    pollfd items[4] = {{out.read_end.get(), POLLIN, 0},
                       {err.read_end.get(), POLLIN, 0},
                       {in.write_end.get(), POLLOUT, 0},
                       {exited ? -1 : child.pidfd(), POLLIN, 0}};
    const int ready = poll(items, 4, exited ? 0 : static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return Error::FromErrno(errno, "poll");
    if (exited && ready == 0) break;
    UniqueFd* ends[2] = {&out.read_end, &err.read_end};
    std::string* texts[2] = {&result.out, &result.err};
    for (int i = 0; i < 2; ++i) {
      if (items[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t n = read(ends[i]->get(), buffer, sizeof buffer);
      if (n > 0) texts[i]->append(buffer, static_cast<size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) ends[i]->reset();
      if (texts[i]->size() > limit)
        return base::ResourceExhausted("'{}' wrote more than {} bytes", name, limit);
    }
    if (items[2].revents != 0) {
      // SIGPIPE: our processes ignore it; here EPIPE just ends the input.
      const ssize_t n = write(in.write_end.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write_end.reset();
    }
    if (items[3].revents != 0) {
      ASSIGN_OR_RETURN(result.status, child.Wait());
      exited = true;
    }
  }
  return result;
}

Result<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return Error::FromErrno(errno, "pidfd_open {}", pid);
  return fd;
}

Status SignalPidfd(int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) {
    return Error::FromErrno(errno, "send signal {}", signal);
  }
  return base::Ok();
}

Result<uint64_t> StartTimeOf(pid_t pid) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(fmt::format("/proc/{}/stat", pid), 65536));
  // The command name may hold spaces and brackets: fields are counted after its last ')'.
  const size_t close = text.rfind(')');
  if (close == std::string::npos) return base::DataLoss("/proc/{}/stat has no command name", pid);
  const std::vector<std::string_view> fields =
      base::Split(std::string_view(text).substr(close + 2), ' ');
  if (fields.size() < 20) return base::DataLoss("/proc/{}/stat is too short", pid);
  const std::optional<uint64_t> ticks = base::ParseUint64(fields[19]);
  if (!ticks) return base::DataLoss("/proc/{}/stat: bad start time", pid);
  return *ticks;
}

}  // namespace keelson::os
