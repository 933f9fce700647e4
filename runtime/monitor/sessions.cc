// SPDX-License-Identifier: Apache-2.0
// The monitor's commands in running containers, and who is attached to them.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/fail_point.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "runtime/monitor/monitor.h"
#include "runtime/spec/encode.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;

namespace {

// Where the kernel has no group for them: every process of the session that the command began.
void KillSessionOf(pid_t pid) {
  (void)kill(-pid, SIGKILL);
  (void)kill(pid, SIGKILL);
  const Result<std::vector<os::DirEntry>> all = os::ListDir("/proc");
  if (!all.ok()) return;
  for (const os::DirEntry& entry : *all) {
    const std::optional<uint64_t> other = base::ParseUint64(entry.name);
    if (other && getsid(static_cast<pid_t>(*other)) == pid)
      (void)kill(static_cast<pid_t>(*other), SIGKILL);
  }
}

}  // namespace

Status Monitor::StartExec(int client, Packet& packet) {
  base::Reader r(packet.payload);
  marks_.Clear();
  Mark(spec::StartStage::kRead);
  const std::string id = r.String();
  const int64_t timeout_ms = r.I64();
  const uint8_t streams_sent = r.U8();
  if (!r.ok() || packet.fds.empty()) return base::InvalidArgument("malformed exec");
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.state.phase != ContainerPhase::kRunning ||
      found->second.state.exit) {
    return base::FailedPrecondition("container '{}' does not run", id);
  }
  Container& container = found->second;
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(packet.fds[0].get()));
  ASSIGN_OR_RETURN(const spec::Process process, spec::DecodeProcess(bytes));
  launcher::Streams streams;
  int* const targets[] = {&streams.in, &streams.out, &streams.err};
  size_t next = 1;
  for (int i = 0; i < 3; ++i) {
    if ((streams_sent >> i & 1) != 0 && next < packet.fds.size())
      *targets[i] = packet.fds[next++].get();
  }
  Exec exec;
  exec.client = client;
  exec.question = packet.id;
  exec.container = id;
  exec.live = packet.type == Type::kOpenExec;
  // Another runtime's program puts its command into the container's group by itself, where there is
  // but one hierarchy.
  const bool own = container.program.empty();
  if (!container.unified_cgroup.empty() && (own || IsHybrid(container))) {
    ASSIGN_OR_RETURN(exec.leaf, TakeLeaf(container));
  }
  FAIL_POINT("monitor.exec.leaf");
  if (!own) {
    return ExecOther(std::move(exec), container, process, std::chrono::milliseconds(timeout_ms),
                     streams);
  }
  Result<launcher::Pending> pending =
      launcher::BeginExec(process, id, container.pidfd.get(), container.cgroups, exec.leaf.fd.get(),
                          setup_.users, streams, &marks_);
  FAIL_POINT("monitor.exec.begun");
  Status started = pending.ok() ? pending->Go() : Status(pending.error());
  if (!started.ok()) {
    if (pending.ok()) {
      while (waitpid(pending->pid(), nullptr, __WALL) < 0 && errno == EINTR) {
      }
    }
    GiveBackLeaf(id, std::move(exec.leaf));
    return started;
  }
  FAIL_POINT("monitor.exec.going");
  exec.stages = marks_.Spans();
  exec.running_since = base::SystemClock().Steady();
  const pid_t pid = pending->pid();
  if (timeout_ms > 0) {
    exec.ends_at = exec.running_since + std::chrono::milliseconds(timeout_ms);
    WatchTime(pid, exec);
  }
  if (exec.live) {
    const launcher::Terminal terminal = pending->TakeTerminal();
    std::vector<int> fds;
    if (terminal.master) fds.push_back(terminal.master.get());
    Answer(client, packet.id, std::string(), fds);
  }
  execs_[pid] = std::move(exec);
  return base::Ok();
}

void Monitor::WatchTime(pid_t pid, Exec& exec) {
  exec.timer = loop_.After(exec.ends_at - base::SystemClock().Steady(), [this, pid] {
    const auto late = execs_.find(pid);
    if (late == execs_.end()) return;
    late->second.timed_out = true;
    late->second.timer = 0;
    KillExec(pid, late->second);
  });
}

void Monitor::KillExec(pid_t pid, Exec& exec) {
  exec.leaf.killed = true;
  if (exec.leaf.path.empty() ||
      !os::WriteControl(AT_FDCWD, exec.leaf.path + "/cgroup.kill", "1").ok())
    KillSessionOf(pid);
}

void Monitor::KillExecOf(int client, uint64_t question) {
  for (auto& [pid, exec] : execs_) {
    if (exec.client == client && exec.question == question) return KillExec(pid, exec);
  }
  UnwantOther(client, question);
}

void Monitor::OnExecExit(pid_t pid, os::ExitStatus status) {
  Exec exec = std::move(execs_[pid]);
  execs_.erase(pid);
  if (exec.timer != 0) loop_.CancelTimer(exec.timer);
  base::Writer w;
  w.I32(status.code());
  w.Bool(exec.timed_out);
  exec.stages.emplace_back(static_cast<uint8_t>(spec::StartStage::kRun),
                           base::SystemClock().Steady() - exec.running_since);
  PutStages(w, exec.stages);
  FAIL_POINT("monitor.exec.ended");
  if (!exec.live) {
    Answer(exec.client, exec.question, w.Take());
  } else if (clients_.contains(exec.client)) {
    (void)SendPacket(exec.client, Type::kExecEnded, exec.question, w.bytes());
  }
  GiveBackLeaf(exec.container, std::move(exec.leaf));  // nobody waits for that
}

Result<Monitor::Leaf> Monitor::TakeLeaf(Container& container) {
  if (!container.leaf.path.empty()) return std::exchange(container.leaf, {});
  Leaf leaf{.path = container.unified_cgroup + "/x-" + std::to_string(next_exec_++)};
  if (mkdir(leaf.path.c_str(), 0755) != 0)
    return Error::FromErrno(errno, "make cgroup '{}'", leaf.path);
  Result<os::UniqueFd> fd = os::Open(leaf.path, O_PATH | O_DIRECTORY);
  if (!fd.ok()) {
    (void)rmdir(leaf.path.c_str());
    return fd.error();
  }
  leaf.fd = std::move(fd).value();
  return leaf;
}

// Making and removing a group takes a lock that the whole machine shares: an empty one waits for
// the container's next command.
// Not one that was killed: kernels are (6.18 is) that kill at once who is cloned into such a group.
void Monitor::GiveBackLeaf(const std::string& container, Leaf leaf) {
  if (leaf.path.empty()) return;
  const auto found = containers_.find(container);
  const bool wanted = found != containers_.end() && !found->second.state.exit &&
                      found->second.state.phase == ContainerPhase::kRunning &&
                      found->second.leaf.path.empty() && !leaf.killed;
  if (wanted) {
    const std::string events = os::ReadFile(leaf.path + "/cgroup.events").ValueOr("");
    if (events.find("populated 0") != std::string::npos &&
        events.find("frozen 1") == std::string::npos) {
      found->second.leaf = std::move(leaf);
      return;
    }
  }
  RemoveLeaf(leaf.path, std::chrono::milliseconds(0));
}

void Monitor::RemoveLeaf(const std::string& leaf, std::chrono::milliseconds waited) {
  if (rmdir(leaf.c_str()) == 0 || errno != EBUSY) return;
  // What it has left running is the container's from now on; what was killed is on its way out.
  const std::string parent = leaf.substr(0, leaf.find_last_of('/'));
  const std::string left = os::ReadFile(leaf + "/cgroup.procs").ValueOr("");
  for (const std::string_view pid : base::Split(left, '\n')) {
    if (!pid.empty()) (void)os::WriteControl(AT_FDCWD, parent + "/cgroup.procs", pid);
  }
  if (rmdir(leaf.c_str()) == 0 || errno != EBUSY) return;
  static constexpr std::chrono::milliseconds kPause{20}, kPatience{10'000};
  if (waited < kPatience)
    loop_.After(kPause, [this, leaf, waited] { RemoveLeaf(leaf, waited + kPause); });
}

void Monitor::SweepLeaves(const Container& container) {
  if (container.unified_cgroup.empty()) return;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(container.unified_cgroup);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.starts_with("x-")) continue;
    // Those who asked for it heard that the monitor was gone.
    const std::string leaf = container.unified_cgroup + "/" + entry.name;
    (void)os::WriteControl(AT_FDCWD, leaf + "/cgroup.kill", "1");
    RemoveLeaf(leaf, std::chrono::milliseconds(0));
    const std::optional<uint64_t> number =
        base::ParseUint64(std::string_view(entry.name).substr(2));
    if (number && *number >= next_exec_) next_exec_ = *number + 1;
  }
}

// Those that nobody knows any more: the time at which they were to be looked at again went with the
// program before.
void Monitor::TidyLeaves(const Container& container) {
  if (container.unified_cgroup.empty()) return;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(container.unified_cgroup);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.starts_with("x-")) continue;
    const std::string path = container.unified_cgroup + "/" + entry.name;
    const bool used =
        path == container.leaf.path || std::ranges::any_of(execs_, [&path](const auto& exec) {
          return exec.second.leaf.path == path;
        });
    if (!used) RemoveLeaf(path, std::chrono::milliseconds(0));
  }
}

// --- attached clients

Status Monitor::Attach(int client, Packet& packet) {
  base::Reader r(packet.payload);
  const std::string id = r.String();
  const uint8_t flags = r.U8();
  if (!r.ok() || packet.fds.empty()) return base::InvalidArgument("malformed attach");
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.state.phase != ContainerPhase::kRunning ||
      found->second.state.exit)
    return base::FailedPrecondition("container '{}' does not run", id);
  if (((flags & kAttachTerminal) != 0) != found->second.HasTerminal())
    return base::InvalidArgument("container '{}' {} a terminal", id,
                                 found->second.HasTerminal() ? "has" : "does not have");
  if (!log_socket_) return base::Unavailable("the log process is gone");
  const uint64_t session = next_question_++;
  base::Writer w;
  w.String(id);
  w.U64(session);
  w.U8(flags);
  std::vector<int> fds;
  for (const os::UniqueFd& fd : packet.fds) fds.push_back(fd.get());
  RETURN_IF_ERROR(SendPacket(log_socket_.get(), Type::kLogAttach, session, w.bytes(), fds));
  attachments_[session] = {client, packet.id};
  log_questions_[session] = {
      .client = client, .question = packet.id, .attached = session, .container = id};
  return base::Ok();
}

void Monitor::OnAttached(uint64_t session, const LogQuestion& question,
                         const Result<std::string>& result) {
  if (!result.ok()) attachments_.erase(session);
  std::vector<int> fds;
  const auto found = containers_.find(question.container);
  if (result.ok() && found != containers_.end() && found->second.HasTerminal() &&
      !found->second.log_fds.empty())
    fds.push_back(found->second.log_fds[0].get());
  Answer(question.client, question.question, result, fds);
}

void Monitor::Detach(int client, uint64_t question) {
  for (const auto& [session, attachment] : attachments_) {
    if (attachment.client != client || attachment.question != question) continue;
    base::Writer w;
    w.U64(session);
    if (log_socket_) (void)SendPacket(log_socket_.get(), Type::kLogDetach, 0, w.bytes());
    return;
  }
}

void Monitor::EndAttachment(uint64_t session, const std::string& why) {
  const auto found = attachments_.find(session);
  if (found == attachments_.end()) return;
  const Attachment attachment = found->second;
  attachments_.erase(found);
  if (!clients_.contains(attachment.client)) return;
  base::Writer w;
  w.String(why);
  (void)SendPacket(attachment.client, Type::kAttachEnded, attachment.question, w.bytes());
}

void Monitor::OnInputClosed(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.HasTerminal() ||
      (found->second.log_flags & kLogInput) == 0)
    return;
  // The program sees the end only when no copy is left: ours, and the anchor's.
  found->second.log_fds.pop_back();
  found->second.log_flags &= static_cast<uint8_t>(~kLogInput);
  (void)KeepStreams(found->second);
}

}  // namespace keelson::monitor
