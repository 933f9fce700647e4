// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher/launcher.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/weakness.h"
#include "lib/kernel/keys/keys.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/scheduling.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "runtime/launcher/become.h"
#include "runtime/launcher/sync.h"
#include "runtime/rootfs/rootfs.h"
#include "runtime/spec/start_stage.h"

namespace keelson::launcher {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;
using spec::StartStage;

Pending::Pending(pid_t pid, UniqueFd pidfd, UniqueFd sync, Terminal terminal, bool waits,
                 const Freestanding* freestanding)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      sync_(std::move(sync)),
      terminal_(std::move(terminal)),
      waits_(waits),
      freestanding_(freestanding) {}

namespace {

// Until the first process waits for its start.
Status AwaitReady(int sync, pid_t pid, const Freestanding& freestanding, Terminal& terminal) {
  while (true) {
    Born born;
    ASSIGN_OR_RETURN(const Heard heard, Hear(sync, born));
    if (heard == Heard::kReady) {
      terminal = std::move(born.terminal);
      return base::Ok();
    }
    if (heard == Heard::kEnd)
      return base::Aborted("the container's first process ended without a word (killed?)");
    if (heard != Heard::kAsked) return base::DataLoss("the first process sent an unknown message");
    RETURN_IF_ERROR(freestanding.made(pid));
    RETURN_IF_ERROR(SendGo(sync));
  }
}

}  // namespace

Status Pending::Go(std::string_view more) {
  const UniqueFd sync = std::move(sync_);
  if (!waits_) return WaitForExec(sync.get());
  const auto said = [&] {
    return freestanding_ != nullptr ? AwaitReady(sync.get(), pid_, *freestanding_, terminal_)
                                    : WaitForExec(sync.get());
  };
  if (const Status sent = SendGo(sync.get(), more); !sent.ok()) {
    // It may have failed before it waited; then its own words are the better ones.
    if (const Status words = said(); !words.ok()) return words;
    return sent;
  }
  return said();
}

namespace {

// fork(2) with the flags of clone3(2): the child goes on here with a copy of this single-threaded
// process. Raw, since glibc's own fork takes no flags; nothing that runs in the child relies on
// glibc's cached state (no threads, no atfork handlers).
pid_t Clone(uint64_t flags, int exit_signal, int cgroup) {
  clone_args args{};
  args.flags = flags | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0);
  args.exit_signal = static_cast<uint64_t>(exit_signal);
  args.cgroup = cgroup >= 0 ? static_cast<uint64_t>(cgroup) : 0;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

void Mark(const os::SharedMarks* marks, StartStage stage) {
  if (marks != nullptr) marks->Mark(static_cast<size_t>(stage));
}

[[noreturn]] void Leave(int sync, const Error& error) {
  SendError(sync, error);
  _exit(1);
}

// Standard streams to 0, 1, 2, then everything closed but `keep`.
Status ArrangeDescriptors(const Streams& streams, std::vector<int> keep) {
  UniqueFd null_device;
  for (const int fd : {streams.in, streams.out, streams.err}) {
    if (fd < 0 && !null_device) {
      ASSIGN_OR_RETURN(null_device, os::Open("/dev/null", O_RDWR));
    }
  }
  const int wanted[3] = {streams.in, streams.out, streams.err};
  for (int i = 0; i < 3; ++i) {
    if (dup2(wanted[i] >= 0 ? wanted[i] : null_device.get(), i) < 0)
      return Error::FromErrno(errno, "set up stream {}", i);
  }
  if (KEELSON_WEAKENED_AT("descriptors")) return base::Ok();
  std::sort(keep.begin(), keep.end());
  unsigned from = 3;
  for (const int fd : keep) {
    if (fd < 0 || static_cast<unsigned>(fd) < from) continue;
    if (static_cast<unsigned>(fd) > from)
      (void)syscall(SYS_close_range, from, static_cast<unsigned>(fd) - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  (void)syscall(SYS_close_range, from, ~0u, 0);
  (void)null_device.release();  // closed above with the rest
  return base::Ok();
}

Status JoinV1(const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    // "0" in one's own name: a parent writing a pid waits for a whole RCU grace period instead.
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, group + "/tasks", "0"));
  }
  return base::Ok();
}

// Lowering needs CAP_SYS_RESOURCE, which some machines withhold: the container then keeps what it
// inherits, unless exactly this was asked for.
Status WriteOomScore(const spec::Process& process) {
  if (process.further.keep_oom_score) return base::Ok();
  const Status status =
      os::WriteControl(AT_FDCWD, "/proc/self/oom_score_adj", std::to_string(process.oom_score_adj));
  return process.further.exact_oom_score ? status : base::Ok();
}

// The keys of whoever started the daemon are none of the container's. Where its user's quota of
// keys is used up it keeps the anchor's session, in which nothing is: who fills a quota shall not
// keep others from starting.
Status TakeOwnKeys(const std::string& container_id) {
  Status joined = keys::JoinSession(keys::SessionOf(container_id));
  return !joined.ok() && joined.error().os_errno() == EDQUOT ? base::Ok() : joined;
}

Status Enter(int namespace_fd, int kind, const char* name) {
  if (namespace_fd < 0 || setns(namespace_fd, kind) == 0) return base::Ok();
  return Error::FromErrno(errno, "enter the pod's {} namespace", name);
}

// The streams' owner, before the rights over it are given up: see TakeOnRole.
void GiveStreams(const spec::Process& process, const spec::UserMapping& users) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat st{};
    if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
      (void)!fchown(fd, users.uid + process.identity.uid, users.gid + process.identity.gid);
  }
}

Status MakeTerminal(const spec::ContainerSpec& spec, const std::string& root, Terminal& terminal) {
  ASSIGN_OR_RETURN(terminal, OpenTerminal(root));
  return BindConsole(spec, root, terminal.peer.get());
}

// The rest of a container's first process that belongs to no pod.
[[noreturn]] void RunFreestanding(const spec::ContainerSpec& spec, const Freestanding& own,
                                  int sync, Terminal& terminal) {
  if (const Status status = own.inside ? own.inside() : base::Ok(); !status.ok())
    Leave(sync, status.error());
  if (!SendReady(sync, terminal).ok()) _exit(1);
  terminal = {};
  UniqueFd(sync).reset();
  // The first process of a PID namespace would not hear of these otherwise, and who waits shall
  // end.
  for (const int number : {SIGHUP, SIGINT, SIGTERM})
    (void)signal(number, [](int received) { _exit(128 + received); });
  const Result<UniqueFd> starter = own.await_start();
  if (!starter.ok()) _exit(1);
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) (void)signal(number, SIG_DFL);
  os::UseOrdinarySlices();
  if (const Status status = TakeOnRole(spec.process); !status.ok())
    Leave(starter->get(), status.error());
  if (const Status status = own.before_execve ? own.before_execve() : base::Ok(); !status.ok())
    Leave(starter->get(), status.error());
  Leave(starter->get(), Execute(spec.process));
}

// The container's first process: the rest of its root, then "go", then its own program.
[[noreturn]] void RunFirstProcess(const spec::ContainerSpec& spec, rootfs::Inputs& inputs, int sync,
                                  Terminal& terminal, const Freestanding* freestanding) {
  Mark(inputs.marks, StartStage::kProc);
  (void)setsid();
  if (inputs.user >= 0) {
    if (const Status status = BecomeRootInside(); !status.ok()) Leave(sync, status.error());
  }
  if (spec.own_cgroup_namespace && unshare(CLONE_NEWCGROUP) != 0)
    Leave(sync, Error::FromErrno(errno, "new cgroup namespace"));
  if (freestanding == nullptr) {
    if (const Status status = TakeOwnKeys(spec.id); !status.ok()) Leave(sync, status.error());
  } else {
    if (!WaitForGo(sync).ok()) _exit(1);
    if (spec.process.terminal) {
      inputs.mounted = [&] { return MakeTerminal(spec, rootfs::RootPath(inputs), terminal); };
    }
    if (inputs.late_pivot) {
      inputs.before_pivot = [sync, freestanding]() -> Status {
        if (freestanding->made) RETURN_IF_ERROR(Ask(sync));
        return freestanding->before_pivot ? freestanding->before_pivot() : base::Ok();
      };
    }
  }
  if (const Status status = rootfs::Finish(spec, inputs); !status.ok()) Leave(sync, status.error());
  if (terminal.peer) {
    if (const Status status = BecomeTerminalOf(terminal); !status.ok()) Leave(sync, status.error());
  }
  if (freestanding != nullptr) RunFreestanding(spec, *freestanding, sync, terminal);
  if (!WaitForGo(sync).ok()) _exit(1);
  Mark(inputs.marks, StartStage::kRights);
  os::UseOrdinarySlices();
  if (const Status status = TakeOnRole(spec.process); !status.ok()) Leave(sync, status.error());
  Mark(inputs.marks, StartStage::kExecve);
  Leave(sync, Execute(spec.process));
}

// From inside a user namespace nobody may join a group of the host's: the first stage does.
bool EntersGroupFirst(const PodContext& pod) {
  return pod.user >= 0 || (pod.freestanding != nullptr && pod.freestanding->own_user_namespace);
}

Status EnterPod(const spec::ContainerSpec& spec, const PodContext& pod) {
  if (!spec.host_network) RETURN_IF_ERROR(Enter(pod.net, CLONE_NEWNET, "network"));
  if (!spec.host_ipc) RETURN_IF_ERROR(Enter(pod.ipc, CLONE_NEWIPC, "IPC"));
  RETURN_IF_ERROR(Enter(pod.uts, CLONE_NEWUTS, "UTS"));
  const bool joins_pid =
      spec.pid_mode == spec::PidMode::kPod || spec.pid_mode == spec::PidMode::kTarget;
  if (joins_pid && pod.pid < 0)
    return base::FailedPrecondition("the PID namespace to share is gone");
  if (joins_pid) RETURN_IF_ERROR(Enter(pod.pid, CLONE_NEWPID, "PID"));
  return JoinV1(spec.cgroup_paths);
}

Result<pid_t> PrepareAndClone(const spec::ContainerSpec& spec, const PodContext& pod,
                              rootfs::Inputs& inputs, int sync, Terminal& terminal) {
  UniqueFd group;
  if (!spec.unified_cgroup.empty() && !EntersGroupFirst(pod)) {
    ASSIGN_OR_RETURN(group, os::Open(spec.unified_cgroup, O_PATH | O_DIRECTORY));
  }
  RETURN_IF_ERROR(WriteOomScore(spec.process));
  if (pod.freestanding != nullptr) {
    RETURN_IF_ERROR(JoinV1(spec.cgroup_paths));
    RETURN_IF_ERROR(pod.freestanding->enter([sync] { return Ask(sync); }));
  } else {
    RETURN_IF_ERROR(EnterPod(spec, pod));
  }
  RETURN_IF_ERROR(rootfs::Assemble(spec, inputs));
  if (spec.process.terminal && pod.freestanding == nullptr)
    RETURN_IF_ERROR(MakeTerminal(spec, rootfs::RootPath(inputs), terminal));
  uint64_t flags = CLONE_PARENT | (spec.pid_mode == spec::PidMode::kOwn ? CLONE_NEWPID : 0);
  if (pod.user >= 0) {
    GiveStreams(spec.process, pod.users);
    RETURN_IF_ERROR(SetLimits(spec.process));
    RETURN_IF_ERROR(Enter(pod.user, CLONE_NEWUSER, "user"));
    // Of its own: what is mounted in it is the user namespace's, what came along is locked.
    flags |= CLONE_NEWNS;
  }
  Mark(pod.marks, StartStage::kProcess);
  const pid_t pid = Clone(flags, 0, group ? group.get() : -1);
  if (pid < 0) return Error::FromErrno(errno, "clone the container's first process");
  if (pid == 0) {
    group.reset();
    RunFirstProcess(spec, inputs, sync, terminal, pod.freestanding);
  }
  return pid;
}

Result<Born> AwaitBorn(pid_t first_stage, int sync, const Freestanding* freestanding) {
  if (freestanding == nullptr) return ReceivePid(sync);
  while (true) {
    Born born;
    ASSIGN_OR_RETURN(const Heard heard, Hear(sync, born));
    if (heard == Heard::kBorn) return born;
    if (heard == Heard::kEnd)
      return base::Aborted("the starting process ended without a word (killed?)");
    if (heard != Heard::kAsked)
      return base::DataLoss("the starting process sent an unknown message");
    RETURN_IF_ERROR(freestanding->asked(first_stage));
    RETURN_IF_ERROR(SendGo(sync));
  }
}

Result<Pending> AwaitPid(pid_t first_stage, UniqueFd sync, bool waits,
                         const Freestanding* freestanding = nullptr) {
  Result<Born> born = AwaitBorn(first_stage, sync.get(), freestanding);
  // Whoever waits for an answer that does not come shall end.
  if (!born.ok()) sync.reset();
  int status = 0;
  while (waitpid(first_stage, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (!born.ok()) return born.error();
  UniqueFd pidfd;
  if (waits) {
    ASSIGN_OR_RETURN(pidfd, os::OpenPidfd(born->pid));
  }
  return Pending(born->pid, std::move(pidfd), std::move(sync), std::move(born->terminal), waits,
                 freestanding);
}

}  // namespace

Result<Pending> BeginStart(const spec::ContainerSpec& spec, const PodContext& pod,
                           const std::vector<int>& volume_fds, const Streams& streams) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  UniqueFd group;
  if (EntersGroupFirst(pod) && !spec.unified_cgroup.empty()) {
    ASSIGN_OR_RETURN(group, os::Open(spec.unified_cgroup, O_PATH | O_DIRECTORY));
  }
  Mark(pod.marks, StartStage::kClone);
  const uint64_t flags = pod.freestanding != nullptr ? 0 : CLONE_NEWNS;
  const pid_t stage = Clone(flags, SIGCHLD, group ? group.get() : -1);
  if (stage < 0) return Error::FromErrno(errno, "clone the first stage");
  if (stage == 0) {
    const int sync = pair.second.get();
    Mark(pod.marks, StartStage::kJoin);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    os::ResetSignals();
    std::vector<int> keep = {sync, pod.net, pod.ipc, pod.uts, pod.user, pod.pid};
    keep.insert(keep.end(), volume_fds.begin(), volume_fds.end());
    if (const Freestanding* own = pod.freestanding; own != nullptr)
      keep.insert(keep.end(), own->keep.begin(), own->keep.end());
    if (const Status status = ArrangeDescriptors(streams, std::move(keep)); !status.ok())
      Leave(sync, status.error());
    rootfs::Inputs inputs{volume_fds, pod.shm_path, pod.staging_path,
                          pod.user,   pod.users,    pod.marks};
    if (const Freestanding* own = pod.freestanding; own != nullptr) {
      inputs.late_pivot = own->late_pivot || own->made || own->before_pivot;
      inputs.freestanding = true;
    }
    Terminal terminal;
    const Result<pid_t> pid = PrepareAndClone(spec, pod, inputs, sync, terminal);
    if (!pid.ok()) Leave(sync, pid.error());
    (void)SendPid(sync, *pid, terminal);
    _exit(0);
  }
  pair.second.reset();
  return AwaitPid(stage, std::move(pair.first), true, pod.freestanding);
}

Result<Pending> BeginExec(const spec::Process& process, const std::string& container_id,
                          int container_pidfd, const std::vector<std::string>& exec_cgroups,
                          int unified_cgroup, const spec::UserMapping& users,
                          const Streams& streams, const os::SharedMarks* marks,
                          const FreestandingExec* own) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  Mark(marks, StartStage::kClone);
  // The first stage goes into the group itself and its child inherits it: from inside the
  // container's cgroup namespace the kernel refuses a group that this namespace does not show
  // (nsdelegate).
  const pid_t stage = Clone(0, SIGCHLD, unified_cgroup);
  if (stage < 0) return Error::FromErrno(errno, "clone the first stage");
  if (stage == 0) {
    const int sync = pair.second.get();
    Mark(marks, StartStage::kJoin);
    Terminal terminal;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    os::ResetSignals();
    const auto begin = [&]() -> Result<pid_t> {
      std::vector<int> keep = {sync, container_pidfd};
      if (own != nullptr) keep.insert(keep.end(), own->keep.begin(), own->keep.end());
      RETURN_IF_ERROR(ArrangeDescriptors(streams, std::move(keep)));
      RETURN_IF_ERROR(WriteOomScore(process));
      RETURN_IF_ERROR(JoinV1(exec_cgroups));
      // All at once, the kernel checks them together; the PID namespace holds for children only.
      if (users.size > 0) {
        GiveStreams(process, users);
        RETURN_IF_ERROR(SetLimits(process));
      }
      const uint64_t namespaces =
          own != nullptr ? own->namespaces
                         : CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                               CLONE_NEWCGROUP | (users.size > 0 ? CLONE_NEWUSER : 0);
      if (namespaces != 0 && setns(container_pidfd, static_cast<int>(namespaces)) != 0)
        return Error::FromErrno(errno, "enter the container's namespaces");
      UniqueFd(container_pidfd).reset();
      if ((namespaces & CLONE_NEWUSER) != 0)
        RETURN_IF_ERROR(BecomeRootInside(process.further.root_groups_denied));
      if (process.terminal) {
        ASSIGN_OR_RETURN(terminal, OpenTerminal("/"));
      }
      Mark(marks, StartStage::kProcess);
      const pid_t pid = Clone(CLONE_PARENT, 0, -1);
      if (pid < 0) return Error::FromErrno(errno, "clone the process");
      if (pid == 0) {
        (void)setsid();
        if (terminal.peer) {
          if (const Status status = BecomeTerminalOf(terminal); !status.ok())
            Leave(sync, status.error());
        }
        Mark(marks, StartStage::kRights);
        os::UseOrdinarySlices();
        spec::Process role = process;
        if (own == nullptr) {
          if (const Status status = TakeOwnKeys(container_id); !status.ok())
            Leave(sync, status.error());
        }
        if (own != nullptr && own->inside) {
          if (const Status status = own->inside(role); !status.ok()) Leave(sync, status.error());
        }
        if (own != nullptr) {
          std::string more;
          if (!WaitForGo(sync, &more).ok()) _exit(1);
          if (own->gone) own->gone(role, more);
        }
        if (const Status status = TakeOnRole(role); !status.ok()) Leave(sync, status.error());
        Mark(marks, StartStage::kExecve);
        Leave(sync, Execute(role));
      }
      return pid;
    };
    const Result<pid_t> pid = begin();
    if (!pid.ok()) Leave(sync, pid.error());
    (void)SendPid(sync, *pid, terminal);
    _exit(0);
  }
  pair.second.reset();
  return AwaitPid(stage, std::move(pair.first), own != nullptr);
}

}  // namespace keelson::launcher
