// SPDX-License-Identifier: Apache-2.0
// What ends: children and what a dead monitor had begun. The record is written first, then the log
// is drained for a moment, then whoever asks is told.
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "runtime/monitor/monitor.h"

namespace keelson::monitor {

using base::Result;
using base::Status;

namespace {

constexpr std::chrono::milliseconds kAnchorPatience{10'000};

int64_t Now() { return base::SystemClock().WallNanos(); }

}  // namespace

void Monitor::OnChildren() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) == sizeof info) {
  }
  while (true) {
    // Looked at first and reaped last: until then the next monitor, or the anchor, would still find
    // its end.
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || ended.si_pid == 0)
      return;
    const pid_t pid = ended.si_pid;
    const os::ExitStatus status{ended.si_code == CLD_EXITED ? ended.si_status << 8
                                                            : ended.si_status};
    FAIL_POINT("monitor.exit.seen");
    OnChild(pid, status);
    FAIL_POINT("monitor.exit.handled");
    while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
}

void Monitor::OnChild(pid_t pid, os::ExitStatus status) {
  if (pid == log_pid_) {
    log_pid_ = -1;  // its closed connection starts another
    return;
  }
  if (execs_.contains(pid)) return OnExecExit(pid, status);
  if (commands_.contains(pid)) return OnCommandEnd(pid, status);
  for (auto& [id, container] : containers_) {
    if (container.adopted || container.state.phase != ContainerPhase::kRunning ||
        container.state.exit || container.state.started.pid != pid)
      continue;
    OnContainerExit(id, status);
    return;
  }
  if (!commands_.empty()) strays_[pid] = status;
}

void Monitor::OnContainerExit(const std::string& id, os::ExitStatus status) {
  Container& container = containers_[id];
  ExitRecord record;
  record.container_id = id;
  record.exit_code = status.code();
  record.signal = status.signal();
  record.finished_at = Now();
  const uint64_t oom_now =
      cgroup::ReadOomKills(container.memory_cgroup).value_or(container.oom_before);
  // Also a shell that passes its child's end on: 128 + SIGKILL.
  record.oom_killed = status.code() == 128 + SIGKILL && oom_now > container.oom_before;
  container.state.exit = record;
  // What is left of it outside its PID namespace (hostPID) goes too.
  if (!container.unified_cgroup.empty())
    (void)os::WriteControl(AT_FDCWD, container.unified_cgroup + "/cgroup.kill", "1");
  if (!container.leaf.path.empty()) RemoveLeaf(container.leaf.path, std::chrono::milliseconds(0));
  container.leaf = {};
  // Now, before the zombie is reaped: whenever we die, somebody knows the exact code.
  FAIL_POINT("monitor.exit.judged");
  if (const Status written = WriteExitFile(setup_.run_dir, *container.state.exit); !written.ok()) {
    base::LogError("cannot write an exit record", {{"container", id}, {"error", written.error()}});
  }
  FAIL_POINT("monitor.exit.recorded");
  TellExit(id);
}

void Monitor::TellExit(const std::string& id) {
  if (containers_[id].log_fds.empty() || !log_socket_) return PublishExit(id);
  AwaitDrained(id);
  AskLog(Type::kLogDrain, id, {-1, 0, id});
}

// A log that waits for a frozen disk delays nobody's exit.
void Monitor::AwaitDrained(const std::string& id) {
  draining_.insert(id);
  loop_.After(kLogEndPatience, [this, id] {
    if (draining_.contains(id)) PublishExit(id);
  });
}

void Monitor::PublishExit(const std::string& id) {
  draining_.erase(id);
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.state.phase == ContainerPhase::kExited) return;
  Container& container = found->second;
  container.state.phase = ContainerPhase::kExited;
  if (container.watch != 0) loop_.Unwatch(container.watch);
  container.watch = 0;
  FAIL_POINT("monitor.exit.drained");
  base::Writer w;
  Put(w, *container.state.exit);
  for (const auto& [fd, owned] : clients_) (void)SendPacket(fd, Type::kExited, 0, w.bytes());
  FAIL_POINT("monitor.exit.published");
  DeleteOther(container);
}

void Monitor::OnAdoptedExit(const std::string& id) {
  Container& container = containers_[id];
  loop_.Unwatch(container.watch);
  container.watch = 0;
  AwaitExitRecord(id, std::chrono::milliseconds(0));
}

void Monitor::AwaitExitRecord(const std::string& id, std::chrono::milliseconds waited) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.state.exit) return;
  Container& container = found->second;
  Result<ExitRecord> record = ReadExitFile(setup_.run_dir, id);
  if (!record.ok() && container.undecided && !AnchorKnows(id).ValueOr(true)) {
    if (container.watch != 0) loop_.Unwatch(container.watch);
    AskLog(Type::kLogRemove, id, {});
    containers_.erase(found);
    return AnswerWaitingLists();
  }
  if (!record.ok() && waited < kAnchorPatience) {
    static constexpr std::chrono::milliseconds kPause{5};
    loop_.After(kPause, [this, id, waited] { AwaitExitRecord(id, waited + kPause); });
    return;
  }
  if (!record.ok()) {
    record = ExitRecord{.container_id = id, .exit_code = 255, .lost = true, .finished_at = Now()};
    if (const Status written = WriteExitFile(setup_.run_dir, *record); !written.ok()) {
      base::LogError("cannot write an exit record",
                     {{"container", id}, {"error", written.error()}});
    }
  }
  const uint64_t oom_now =
      cgroup::ReadOomKills(container.memory_cgroup).value_or(container.oom_before);
  record->oom_killed = record->exit_code == 128 + SIGKILL && oom_now > container.oom_before;
  container.state.exit = *record;
  container.undecided = false;
  AnswerWaitingLists();
  TellExit(id);
}

}  // namespace keelson::monitor
