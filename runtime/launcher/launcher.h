// SPDX-License-Identifier: Apache-2.0
// The two-stage start of a container's first process, and of an exec in it. Called only by the
// pod's monitor: single-threaded, already in the node's tiny private mount namespace. The monitor
// is the parent of every process started here (CLONE_PARENT). BeginStart returns while the new
// process waits for "go", so that its pid can be written down before it runs; dropping that Pending
// without Go() makes it exit. Blocking, no threads, no allocation-heavy libraries.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/shared_marks.h"
#include "lib/os/unique_fd.h"
#include "runtime/launcher/terminal.h"
#include "runtime/spec/container_spec.h"

namespace keelson::launcher {

// A container that belongs to no pod (keelson-oci): its namespaces are listed one by one, hooks run
// between its making and its start, and whoever makes it is gone when it starts. The start is the
// same; these are the places where the two differ. Each function says in which process it runs.
struct Freestanding {
  // Descriptors that the first stage and the container's first process keep.
  std::vector<int> keep;
  bool own_user_namespace = false;  // the first stage goes into the container's group itself
  // First stage: every namespace but those of PIDs and cgroups is entered or made. `ask` runs
  // `asked` in the caller and returns when that has ended.
  std::function<base::Status(const std::function<base::Status()>& ask)> enter;
  std::function<base::Status(pid_t first_stage)> asked;
  // Caller: the first process is there with all its mounts, and not in its root yet. Without it
  // the root is entered before that process exists.
  std::function<base::Status(pid_t pid)> made;
  std::function<base::Status()> before_pivot;  // first process, after `made` has returned
  bool late_pivot = false;                     // also without `made`
  std::function<base::Status()> inside;        // first process, in its root
  // First process, after the caller was told that all is ready: returns when it shall start. The
  // descriptor, a SOCK_SEQPACKET one, hears of errors that come after (sync.h: WaitForExec).
  std::function<base::Result<os::UniqueFd>()> await_start;
  std::function<base::Status()> before_execve;  // first process, with its rights
};

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
  const os::SharedMarks* marks = nullptr;      // of spec::StartStage
  const Freestanding* freestanding = nullptr;  // instead of all the namespaces above
};

// Not used when the process has a terminal.
struct Streams {
  int in = -1;  // -1: /dev/null
  int out = -1;
  int err = -1;
};

class Pending {
 public:
  Pending(pid_t pid, os::UniqueFd pidfd, os::UniqueFd sync, Terminal terminal, bool waits,
          const Freestanding* freestanding = nullptr);
  Pending(Pending&&) noexcept = default;
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  // Lets it run, if it waits; returns when execve succeeded, or the error with stage, object and
  // the kernel's answer. On error the process has ended or is about to; the caller reaps it. Of a
  // freestanding container: returns when it waits for its start.
  base::Status Go(std::string_view more = {});  // `more`: for FreestandingExec::gone
  os::UniqueFd TakePidfd() { return std::move(pidfd_); }
  Terminal TakeTerminal() { return std::move(terminal_); }  // empty unless the process has one

 private:
  pid_t pid_;
  os::UniqueFd pidfd_;
  os::UniqueFd sync_;
  Terminal terminal_;
  bool waits_;
  const Freestanding* freestanding_;
};

base::Result<Pending> BeginStart(const spec::ContainerSpec& spec, const PodContext& pod,
                                 const std::vector<int>& volume_fds, const Streams& streams);

// `container_id`, `container_pidfd`: the container, whose session keyring is joined, and its first
// process. Where the new process goes: `exec_cgroups` (v1:
// directories, one per hierarchy) and `unified_cgroup`, a directory (-1: none). It waits for
// nobody: its parent is told of its end, whenever that comes, and writes nothing down before.
// `own`: of a container without a pod.
struct FreestandingExec {
  uint64_t namespaces = 0;  // CLONE_NEW* of those that are not the caller's already
  std::vector<int> keep;
  std::function<base::Status(spec::Process&)> inside;  // the new process, in the container
  // The new process when Go() lets it run, with what Go() was told.
  std::function<void(spec::Process&, const std::string& more)> gone;
};  // the new process waits for Go()
base::Result<Pending> BeginExec(const spec::Process& process, const std::string& container_id,
                                int container_pidfd, const std::vector<std::string>& exec_cgroups,
                                int unified_cgroup, const spec::UserMapping& users,
                                const Streams& streams, const os::SharedMarks* marks = nullptr,
                                const FreestandingExec* own = nullptr);

}  // namespace keelson::launcher
