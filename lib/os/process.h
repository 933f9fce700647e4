// SPDX-License-Identifier: Apache-2.0
// Starting other programs from any process, threaded ones too: posix_spawn only, nothing of ours
// runs between fork and exec. The child gets exactly the descriptors of `fds` (every other one is
// close-on-exec or closed) and the environment given. Any thread; waiting blocks. Source:
// posix_spawn(3), pidfd_open(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH unless it has a slash
  std::vector<std::string> env;   // "K=V"; what the child gets, nothing is inherited
  std::vector<std::pair<int, int>>
      fds;                   // {ours, number in the child}; 0, 1, 2 not named are /dev/null
  bool new_session = false;  // setsid(2)
  std::optional<int>
      program;  // an O_PATH or memfd descriptor of the program, instead of argv[0] as a path
};

// How a child ended, as a shell would say it: the exit code, or 128 + the signal.
struct ExitStatus {
  int wait_status = 0;
  bool exited_normally() const { return (wait_status & 0x7f) == 0; }
  int code() const {
    return exited_normally() ? wait_status >> 8 & 0xff : 128 + (wait_status & 0x7f);
  }
  int signal() const { return exited_normally() ? 0 : wait_status & 0x7f; }
};

// Owns the child: kills and reaps it if it still runs when destroyed.
class ChildProcess {
 public:
  static base::Result<ChildProcess> Spawn(const SpawnOptions& options);
  ChildProcess(ChildProcess&&) noexcept;
  ChildProcess& operator=(ChildProcess&&) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  base::Result<ExitStatus> Wait();
  // nullopt: still running after `timeout`.
  base::Result<std::optional<ExitStatus>> WaitFor(std::chrono::milliseconds timeout);
  base::Status Signal(int signal);
  void Release();  // neither killed nor reaped by us

 private:
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

struct CommandResult {
  ExitStatus status;
  std::string out;
  std::string err;
};
// Runs to the end with `input` on its standard input; output beyond `limit` bytes a stream, or
// running longer than `timeout`, kills it and is an error.
base::Result<CommandResult> RunCommand(const SpawnOptions& options, std::string_view input,
                                       std::chrono::milliseconds timeout, size_t limit = 16u << 20);

base::Result<UniqueFd> OpenPidfd(pid_t pid);
base::Status SignalPidfd(int pidfd, int signal);
// Start time in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it names a
// process for good.
base::Result<uint64_t> StartTimeOf(pid_t pid);

}  // namespace keelson::os
