// SPDX-License-Identifier: Apache-2.0
// Another program in a living monitor's place, by execve(2): the process, its children, every
// descriptor and all that is on its way stay. The next program reads what is handed to it in a
// process of its own first: what it cannot read, it does not get.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/monitor/monitor.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

constexpr std::chrono::milliseconds kPause{10}, kPatience{5'000};

bool IsThisProgram(int program) {
  struct stat own{}, other{};
  return stat("/proc/self/exe", &own) == 0 && fstat(program, &other) == 0 &&
         own.st_dev == other.st_dev && own.st_ino == other.st_ino && own.st_size == other.st_size &&
         own.st_mtim.tv_sec == other.st_mtim.tv_sec && own.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

void Execute(int program, const std::string& id, const char* variable, int state) {
  char name[] = "keelson-monitor";
  std::string pod = id;
  std::string told = fmt::format("{}={}", variable, state);
  char* argv[] = {name, pod.data(), nullptr};
  char* env[] = {told.data(), const_cast<char*>(base::fail_point::Inherited()), nullptr};
  (void)syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
}

// Whether the program can read it, by its own word.
Status Try(int program, const std::string& id, int state) {
  const pid_t pid = fork();
  if (pid < 0) return Error::FromErrno(errno, "fork");
  if (pid == 0) {
    const int high = fcntl(program, F_DUPFD_CLOEXEC, 128);
    const int lifted = fcntl(state, F_DUPFD_CLOEXEC, 128);
    if (high < 0 || dup2(lifted, 3) < 0) _exit(127);
    (void)syscall(SYS_close_range, 4u, static_cast<unsigned>(high) - 1, 0);
    (void)syscall(SYS_close_range, static_cast<unsigned>(high) + 1, ~0u, 0);
    Execute(high, id, kTryVariable, 3);
    _exit(127);
  }
  Result<UniqueFd> pidfd = os::OpenPidfd(pid);
  pollfd end{pidfd.ok() ? pidfd->get() : -1, POLLIN, 0};
  const bool ended = pidfd.ok() && poll(&end, 1, static_cast<int>(kPatience.count())) == 1;
  if (!ended) (void)kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (!ended) return base::Unavailable("the other program does not say that it can read our state");
  if (WIFEXITED(status) && WEXITSTATUS(status) == kUnderstood) return base::Ok();
  return base::FailedPrecondition(
      "the other program cannot take over our state (its trial's wait status is {})", status);
}

Status Inherit(const std::vector<int>& fds, bool inherit) {
  for (const int fd : fds) {
    if (fcntl(fd, F_SETFD, inherit ? 0 : FD_CLOEXEC) != 0)
      return Error::FromErrno(errno, "keep descriptor {}", fd);
  }
  return base::Ok();
}

int64_t Nanos(base::SteadyTime time) {
  return time.time_since_epoch() / std::chrono::nanoseconds(1);
}

base::SteadyTime Time(int64_t nanos) { return base::SteadyTime(std::chrono::nanoseconds(nanos)); }

}  // namespace

void Monitor::BeginUpgrade(int client, Packet& packet) {
  if (packet.fds.size() < 3)
    return Answer(client, packet.id,
                  base::InvalidArgument("expected the programs of monitor, log and init"));
  base::Writer same;
  same.Bool(false);
  if (IsThisProgram(packet.fds[0].get())) return Answer(client, packet.id, same.Take());
  if (upgrade_)
    return Answer(client, packet.id, base::FailedPrecondition("another program is on its way"));
  upgrade_ = Upgrade{client, packet.id, std::move(packet.fds)};
  TryUpgrade();
}

void Monitor::TryUpgrade() {
  const bool busy = !starting_.empty() || !opening_.empty() || !commands_.empty();
  if (busy && upgrade_->waited < kPatience) {
    upgrade_->waited += kPause;
    loop_.After(kPause, [this] { TryUpgrade(); });
    return;
  }
  const Upgrade wanted = std::move(*upgrade_);
  upgrade_.reset();
  const Status status = busy ? base::Unavailable("another runtime's program is still at work")
                             : BecomeProgram(wanted);
  base::LogWarn("this monitor stays the program that it is",
                {{"pod", setup_.sandbox_id}, {"error", status.error()}});
  Answer(wanted.client, wanted.question, status.error());
}

Status Monitor::BecomeProgram(const Upgrade& wanted) {
  Handover handover = HandOver();
  handover.client = clients_.contains(wanted.client) ? wanted.client : -1;
  handover.question = wanted.question;
  ASSIGN_OR_RETURN(const UniqueFd state,
                   os::CreateSealedMemfd("keelson-monitor", Encode(handover)));
  const int program = wanted.programs[0].get();
  RETURN_IF_ERROR(Try(program, setup_.sandbox_id, state.get()));
  if (lseek(state.get(), 0, SEEK_SET) != 0) return Error::FromErrno(errno, "rewind memfd");
  std::vector<int> kept = DescriptorsOf(handover);
  kept.push_back(state.get());
  Status status = Inherit(kept, true);
  if (status.ok() && (dup2(wanted.programs[1].get(), kLogProgram) < 0 ||
                      dup2(wanted.programs[2].get(), kInitProgram) < 0))
    status = Error::FromErrno(errno, "take the programs of log and init");
  if (status.ok()) {
    Execute(program, setup_.sandbox_id, kStateVariable, state.get());
    status = Error::FromErrno(errno, "execute the other program");
  }
  (void)Inherit(kept, false);
  return status;
}

Handover Monitor::HandOver() const {
  Handover h;
  h.setup = setup_;
  h.anchor_gone = anchor_gone_;
  h.parts = {net_.get(),     ipc_.get(),      uts_.get(),         user_.get(),
             pod_pid_.get(), pod_init_.get(), host_mounts_.get(), log_socket_.get()};
  h.log_pid = log_pid_;
  h.next_question = next_question_;
  h.next_exec = next_exec_;
  h.next_command = next_command_;
  const auto leaf = [](const Leaf& l) { return Handover::Leaf{l.path, l.fd.get(), l.killed}; };
  for (const auto& [fd, client] : clients_) h.clients.push_back(fd);
  for (const auto& [id, c] : containers_) {
    Handover::Container& to = h.containers.emplace_back();
    to.state = c.state;
    to.pidfd = c.pidfd.get();
    to.adopted = c.adopted;
    to.draining = draining_.contains(id);
    to.notes = NotesOf(c);
    for (const UniqueFd& fd : c.log_fds) to.log_fds.push_back(fd.get());
    to.leaf = leaf(c.leaf);
  }
  for (const auto& [pid, e] : execs_) {
    h.execs.push_back({pid, e.client, e.question, e.container, leaf(e.leaf), e.stages,
                       Nanos(e.running_since), e.timer == 0 ? 0 : Nanos(e.ends_at), e.live,
                       e.timed_out});
  }
  for (const auto& [session, a] : attachments_)
    h.attachments.push_back({session, a.client, a.question});
  for (const auto& [number, q] : log_questions_)
    h.log_questions.push_back({number, q.client, q.question, q.exited, q.attached, q.container});
  return h;
}

Status Monitor::Resume(const Handover& h) {
  RETURN_IF_ERROR(Inherit(DescriptorsOf(h), false));
  anchor_gone_ = h.anchor_gone;
  UniqueFd* const parts[Handover::kParts] = {&net_,     &ipc_,      &uts_,         &user_,
                                             &pod_pid_, &pod_init_, &host_mounts_, &log_socket_};
  for (size_t i = 0; i < Handover::kParts; ++i) parts[i]->reset(h.parts[i]);
  log_pid_ = h.log_pid;
  next_question_ = h.next_question;
  next_exec_ = h.next_exec;
  next_command_ = h.next_command;
  const auto leaf = [](const Handover::Leaf& l) { return Leaf{l.path, UniqueFd(l.fd), l.killed}; };
  for (const int fd : h.clients) RETURN_IF_ERROR(WatchClient(UniqueFd(fd)));
  for (const Handover::Container& from : h.containers) {
    Container c;
    TakeNotes(from.notes, c);
    c.state = from.state;
    c.pidfd.reset(from.pidfd);
    c.adopted = from.adopted;
    for (const int fd : from.log_fds) c.log_fds.emplace_back(fd);
    c.leaf = leaf(from.leaf);
    containers_[from.state.id] = std::move(c);
  }
  for (const Handover::Exec& from : h.execs) {
    Exec& exec = execs_[from.pid];
    exec = Exec{from.client,        from.question,
                from.container,     leaf(from.leaf),
                from.stages,        Time(from.running_since),
                Time(from.ends_at), 0,
                from.live,          from.timed_out};
    if (from.ends_at != 0) WatchTime(from.pid, exec);
  }
  for (const Handover::Attachment& a : h.attachments)
    attachments_[a.session] = {a.client, a.question};
  for (const Handover::LogQuestion& q : h.log_questions)
    log_questions_[q.number] = {q.client, q.question, q.exited, q.attached, q.container};
  for (const Handover::LogQuestion& q : h.log_questions) {
    if (q.client >= 0 && q.attached == 0) AwaitReopened(q.number);
  }
  if (log_socket_) {
    RETURN_IF_ERROR(WatchLog());
  } else {
    RETURN_IF_ERROR(StartLogProcess());
  }
  for (const Handover::Container& from : h.containers) {
    const std::string& id = from.state.id;
    TidyLeaves(containers_[id]);
    if (from.draining) AwaitDrained(id);
    if (!from.adopted || from.state.exit || from.state.phase != ContainerPhase::kRunning) continue;
    if (from.pidfd >= 0) {
      RETURN_IF_ERROR(WatchAdopted(id));
    } else {
      AwaitExitRecord(id, std::chrono::milliseconds(0));
    }
  }
  RETURN_IF_ERROR(Listen());
  base::Writer changed;
  changed.Bool(true);
  Answer(h.client, h.question, changed.Take());
  // Who ended in between has told the program before.
  loop_.Post([this] { OnChildren(); });
  return base::Ok();
}

}  // namespace keelson::monitor
