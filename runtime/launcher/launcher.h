// SPDX-License-Identifier: Apache-2.0
// The two-stage start of a container's first process, and of an exec in it. Called only by the
// pod's monitor: single-threaded, already in the node's tiny private mount namespace. The monitor
// is the parent of every process started here (CLONE_PARENT). BeginStart returns while the new
// process waits for "go", so that its pid can be written down before it runs; dropping that Pending
// without Go() makes it exit. Blocking, no threads, no allocation-heavy libraries.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/shared_marks.h"
#include "lib/os/unique_fd.h"
#include "runtime/launcher/terminal.h"
#include "runtime/spec/container_spec.h"

namespace keelson::launcher {

struct PodContext {
  int net = -1;  // namespaces of the pod; -1: the host's
  int ipc = -1;
  int uts = -1;
  int user = -1;
  spec::UserMapping users;        // with `user`
  int pid = -1;                   // PidMode::kPod: the PID namespace of the pod's init
  std::string shm_path = "/shm";  // the pod's /dev/shm in the monitor's mount namespace
  std::string staging_path =
      "/stage";  // an empty directory there: roots are put together on it, in private copies
  const os::SharedMarks* marks = nullptr;  // of spec::StartStage
};

// Not used when the process has a terminal.
struct Streams {
  int in = -1;  // -1: /dev/null
  int out = -1;
  int err = -1;
};

class Pending {
 public:
  Pending(pid_t pid, os::UniqueFd pidfd, os::UniqueFd sync, Terminal terminal, bool waits);
  Pending(Pending&&) noexcept = default;
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  // Lets it run, if it waits; returns when execve succeeded, or the error with stage, object and
  // the kernel's answer. On error the process has ended or is about to; the caller reaps it.
  base::Status Go();
  os::UniqueFd TakePidfd() { return std::move(pidfd_); }
  Terminal TakeTerminal() { return std::move(terminal_); }  // empty unless the process has one

 private:
  pid_t pid_;
  os::UniqueFd pidfd_;
  os::UniqueFd sync_;
  Terminal terminal_;
  bool waits_;
};

base::Result<Pending> BeginStart(const spec::ContainerSpec& spec, const PodContext& pod,
                                 const std::vector<int>& volume_fds, const Streams& streams);

// `container_pidfd`: the container's first process. Where the new process goes: `exec_cgroups` (v1:
// directories, one per hierarchy) and `unified_cgroup`, a directory (-1: none). It waits for
// nobody: its parent is told of its end, whenever that comes, and writes nothing down before.
base::Result<Pending> BeginExec(const spec::Process& process, int container_pidfd,
                                const std::vector<std::string>& exec_cgroups, int unified_cgroup,
                                const spec::UserMapping& users, const Streams& streams,
                                const os::SharedMarks* marks = nullptr);

}  // namespace keelson::launcher
