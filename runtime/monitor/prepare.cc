// SPDX-License-Identifier: Apache-2.0
// The monitor's beginnings and its helpers: namespaces, shared memory, the pod's first process, the
// log process.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/monitor/monitor.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

Status Monitor::KeepWithAnchor(const std::string& key, const std::vector<int>& fds) {
  base::Writer w;
  w.String(key);
  return WithoutAnchor(SendPacket(kAnchor, Type::kKeep, 0, w.bytes(), fds));
}

Status Monitor::WithoutAnchor(const Status& status) {
  if (status.ok() || status.error().code() != base::Code::kUnavailable) return status;
  if (!anchor_gone_)
    base::LogWarn(
        "the anchor is gone: should this monitor die as well, its containers' ends are unknown",
        {{"error", status.error()}});
  anchor_gone_ = true;
  return base::Ok();
}

Result<std::vector<UniqueFd>> Monitor::FetchFromAnchor(const std::string& key) {
  base::Writer w;
  w.String(key);
  ASSIGN_OR_RETURN(Packet answer, Ask(kAnchor, Type::kFetch, w.bytes()));
  return std::move(answer.fds);
}

Status Monitor::Prepare() {
  const auto fetch_one = [this](const char* key, UniqueFd& into) -> Status {
    ASSIGN_OR_RETURN(std::vector<UniqueFd> fds, FetchFromAnchor(key));
    if (!fds.empty()) into = std::move(fds[0]);
    return base::Ok();
  };
  RETURN_IF_ERROR(fetch_one("ns/net", net_));
  RETURN_IF_ERROR(fetch_one("ns/ipc", ipc_));
  RETURN_IF_ERROR(fetch_one("ns/uts", uts_));
  RETURN_IF_ERROR(fetch_one("ns/user", user_));
  RETURN_IF_ERROR(fetch_one("ns/host", host_mounts_));
  FAIL_POINT("monitor.begin.namespaces");
  UniqueFd mounts;
  RETURN_IF_ERROR(fetch_one("ns/mnt", mounts));
  const bool adopting = mounts.valid();
  if (adopting) {
    if (setns(mounts.get(), CLONE_NEWNS) != 0)
      return Error::FromErrno(errno, "enter the pod's mount namespace");
  } else {
    if (unshare(CLONE_NEWNS) != 0) return Error::FromErrno(errno, "new mount namespace");
    ASSIGN_OR_RETURN(const UniqueFd shm,
                     mount::NewFilesystem(
                         "tmpfs", {{"mode", "1777"}, {"size", std::to_string(setup_.shm_bytes)}},
                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    ASSIGN_OR_RETURN(const UniqueFd place, os::Open("/shm", O_PATH | O_DIRECTORY));
    RETURN_IF_ERROR(mount::Attach(shm.get(), place.get()).WithContext("the pod's shared memory"));
    FAIL_POINT("monitor.begin.mounts");
    ASSIGN_OR_RETURN(mounts, os::Open("/proc/self/ns/mnt", O_RDONLY));
    RETURN_IF_ERROR(KeepWithAnchor("ns/mnt", {mounts.get()}));
    FAIL_POINT("monitor.begin.mounts_kept");
  }
  if (setup_.share_process_namespace) {
    ASSIGN_OR_RETURN(std::vector<UniqueFd> kept, FetchFromAnchor("ns/pid"));
    if (kept.size() >= 2) {
      pod_pid_ = std::move(kept[0]);
      pod_init_ = std::move(kept[1]);
      if (kept.size() == 3) RETURN_IF_ERROR(LetPodInitRun(kept[2].get()));
    } else {
      RETURN_IF_ERROR(StartPodInit());
    }
  }
  FAIL_POINT("monitor.begin.init");
  if (adopting) RETURN_IF_ERROR(fetch_one("log-connection", log_socket_));
  if (log_socket_) {
    RETURN_IF_ERROR(WatchLog());
  } else {
    RETURN_IF_ERROR(StartLogProcess());
  }
  FAIL_POINT("monitor.begin.log");
  if (adopting) RETURN_IF_ERROR(Adopt());
  return Listen();
}

Status Monitor::Listen() {
  ASSIGN_OR_RETURN([[maybe_unused]] const auto listen_watch,
                   loop_.Watch(kListener, EPOLLIN, [this](uint32_t) { OnConnect(); }));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto child_watch,
                   loop_.Watch(signals_, EPOLLIN, [this](uint32_t) { OnChildren(); }));
  FAIL_POINT("monitor.begin.ready");
  return base::Ok();
}

namespace {

[[noreturn]] void RunProgram(int program, const char* name, int extra_socket) {
  if (extra_socket >= 0) {
    const int lifted = fcntl(extra_socket, F_DUPFD, 64);
    if (lifted < 0 || dup2(lifted, 3) < 0) _exit(127);
  }
  const unsigned first = extra_socket >= 0 ? 4 : 3;
  const int high = fcntl(program, F_DUPFD_CLOEXEC, 128);
  (void)syscall(SYS_close_range, first, static_cast<unsigned>(high) - 1, 0);
  (void)syscall(SYS_close_range, static_cast<unsigned>(high) + 1, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char* argv[] = {const_cast<char*>(name), nullptr};
  char* env[] = {const_cast<char*>(base::fail_point::Inherited()), nullptr};
  (void)syscall(SYS_execveat, high, "", argv, env, AT_EMPTY_PATH);
  _exit(127);
}

}  // namespace

// The pod's process 1 must show its neighbours nothing of the host: an empty root, no rights, no
// descriptors. It is made by a process that has entered the pod's user namespace, which then owns
// the PID namespace too.
Status Monitor::StartPodInit() {
  ASSIGN_OR_RETURN(os::Pipe told, os::CreatePipe());
  // It waits until the anchor knows it, and ends where nobody is left who could tell: what a
  // monitor that is killed meanwhile has made is either the next one's or gone.
  ASSIGN_OR_RETURN(os::Pipe go, os::CreatePipe());
  clone_args args{};
  args.flags = CLONE_NEWNS;
  args.exit_signal = SIGCHLD;
  const pid_t maker = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (maker < 0) return Error::FromErrno(errno, "clone the pod's first process");
  if (maker == 0) {
    const Result<UniqueFd> empty =
        mount::NewFilesystem("tmpfs", {{"size", "0"}, {"mode", "555"}}, MOUNT_ATTR_RDONLY);
    const Result<UniqueFd> place = os::Open("/stage", O_PATH | O_DIRECTORY);
    if (!empty.ok() || !place.ok() || !mount::Attach(empty->get(), place->get()).ok() ||
        chdir("/stage") != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
        umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ||
        (user_ && setns(user_.get(), CLONE_NEWUSER) != 0)) {
      _exit(126);
    }
    args.flags = CLONE_NEWPID | CLONE_PARENT;
    args.exit_signal = 0;
    const pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
    if (pid != 0) {
      const bool sent = pid > 0 && write(told.write_end.get(), &pid, sizeof pid) == sizeof pid;
      _exit(sent ? 0 : 126);
    }
    (void)setsid();
    if (user_ && (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)) _exit(126);
    if (!capabilities::DropBounding(0).ok() || !capabilities::Apply({}).ok()) _exit(126);
    // Whoever holds the monitor's connections keeps others from seeing that it died.
    const int waits = fcntl(go.read_end.get(), F_DUPFD_CLOEXEC, 128);
    const int program = fcntl(kInitProgram, F_DUPFD_CLOEXEC, 128);
    (void)syscall(SYS_close_range, 3u, 127u, 0);
    char word = 0;
    if (read(waits, &word, 1) != 1) _exit(126);
    RunProgram(program, "keelson-init", -1);
  }
  told.write_end.reset();
  go.read_end.reset();
  pid_t pid = -1;
  const bool born = read(told.read_end.get(), &pid, sizeof pid) == sizeof pid;
  while (waitpid(maker, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  FAIL_POINT("monitor.begin.init_born");
  if (!born) return base::Internal("the pod's first process could not be made");
  ASSIGN_OR_RETURN(pod_init_, os::OpenPidfd(pid));
  ASSIGN_OR_RETURN(pod_pid_, os::Open(fmt::format("/proc/{}/ns/pid", pid), O_RDONLY));
  RETURN_IF_ERROR(KeepWithAnchor("ns/pid", {pod_pid_.get(), pod_init_.get(), go.write_end.get()}));
  FAIL_POINT("monitor.begin.init_kept");
  return LetPodInitRun(go.write_end.get());
}

Status Monitor::LetPodInitRun(int go) {
  RETURN_IF_ERROR(os::WriteAll(go, "g"));
  return KeepWithAnchor("ns/pid", {pod_pid_.get(), pod_init_.get()});
}

// --- log process
// -----------------------------------------------------------------------------------------------------

namespace {

// A systemd scope that was empty for a moment is ending, whoever comes into it now: systemd would
// forget a group that is in use. The next container finds it gone and has it made anew.
bool IsEndedScope(std::string_view group) {
  const std::string pod(group.substr(0, group.rfind('/')));
  if (!pod.ends_with(".scope")) return false;
  const Result<std::string> events = os::ReadFile(pod + "/cgroup.events", 4096);
  return !events.ok() || events->find("populated 1") == std::string::npos;
}

}  // namespace

Status Monitor::StartLogProcess() {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  // Charged to the pod; a failure only means that it is charged to us. Born in the v2 group, and
  // "0" in its own name into the v1 ones: a write to cgroup.procs waits for an RCU grace period,
  // and every other change of any group on the machine with it.
  std::vector<std::string> v1;
  UniqueFd unified;
  for (const std::string_view group : base::Split(setup_.log_cgroup, '\n')) {
    if (os::Exists(std::string(group) + "/tasks")) {
      v1.emplace_back(group);
    } else if (IsEndedScope(group)) {
      continue;
    } else if (Result<UniqueFd> fd = os::Open(std::string(group), O_PATH | O_DIRECTORY); fd.ok()) {
      unified = std::move(fd).value();
    }
  }
  clone_args args{};
  args.flags = unified ? CLONE_INTO_CGROUP : 0;
  args.exit_signal = SIGCHLD;
  args.cgroup = unified ? static_cast<uint64_t>(unified.get()) : 0;
  pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (pid < 0 && unified) {
    args.flags = 0;
    pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  }
  if (pid < 0) return Error::FromErrno(errno, "fork the log process");
  if (pid == 0) {
    for (const std::string& group : v1) (void)os::WriteControl(AT_FDCWD, group + "/tasks", "0");
    (void)setsid();
    RunProgram(kLogProgram, "keelson-log", pair.second.get());
  }
  FAIL_POINT("monitor.log.born");
  log_pid_ = pid;
  log_socket_ = std::move(pair.first);
  RETURN_IF_ERROR(WatchLog());
  RETURN_IF_ERROR(KeepWithAnchor("log-connection", {log_socket_.get()}));
  FAIL_POINT("monitor.log.kept");
  for (const auto& [id, container] : containers_) {
    if (container.log_fds.empty()) continue;
    if (const Result<uint64_t> added = AddLog(container, true); !added.ok()) return added.error();
  }
  return base::Ok();
}

Status Monitor::WatchLog() {
  ASSIGN_OR_RETURN(log_watch_,
                   loop_.Watch(log_socket_.get(), EPOLLIN, [this](uint32_t) { OnLog(); }));
  return base::Ok();
}

Status Monitor::KeepStreams(const Container& container) {
  std::vector<int> fds;
  for (const UniqueFd& fd : container.log_fds) fds.push_back(fd.get());
  return KeepWithAnchor("log/" + container.state.id, fds);
}

Result<uint64_t> Monitor::AddLog(const Container& container, bool resumed) {
  if (!log_socket_) return base::Unavailable("the log process is gone");
  base::Writer w;
  w.String(container.state.id);
  w.String(container.log_name);
  w.U8(container.log_flags);
  w.U64(container.log_limit.bytes_per_second);
  w.Bool(container.log_limit.drop);
  w.Bool(resumed && container.state.phase == ContainerPhase::kRunning);
  const uint64_t question = next_question_++;
  log_questions_[question] = {};
  std::vector<int> fds;
  for (const UniqueFd& fd : container.log_fds) fds.push_back(fd.get());
  RETURN_IF_ERROR(SendPacket(log_socket_.get(), Type::kLogAdd, question, w.bytes(), fds));
  return question;
}

Result<uint64_t> Monitor::AddLogOfNew(const Container& container) {
  Result<uint64_t> added = AddLog(container);
  if (added.ok() || !log_socket_ || added.error().os_errno() != EPIPE) return added;
  // It died a moment ago, which the loop has not come to yet.
  ReplaceLogProcess();
  return AddLog(container);
}

// Whoever is told that a container runs finds its log, unless the disk is too slow for that.
void Monitor::AwaitLog(uint64_t question) {
  const base::SteadyTime deadline = base::SystemClock().Steady() + kLogStartPatience;
  while (log_socket_ && log_questions_.contains(question)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - base::SystemClock().Steady());
    pollfd answer{log_socket_.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&answer, 1, static_cast<int>(left.count())) <= 0) return;
    OnLog();
  }
}

// Whoever has renamed the file puts its name back when this fails: then nobody may open it anew.
void Monitor::ReopenLog(int client, uint64_t question, const std::string& id) {
  const uint64_t number = next_question_;
  const base::SteadyTime until =
      base::SystemClock().Steady() + kReopenPatience - kReopenPatience / 10;
  AskLog(Type::kLogReopen, id, {client, question, ""},
         until.time_since_epoch() / std::chrono::nanoseconds(1));
  AwaitReopened(number);
}

void Monitor::AwaitReopened(uint64_t number) {
  loop_.After(kReopenPatience, [this, number] {
    const auto found = log_questions_.find(number);
    if (found == log_questions_.end() || found->second.client < 0) return;
    Answer(found->second.client, found->second.question,
           base::Unavailable("the log's disk did not answer within {} ms, the log is not opened "
                             "anew",
                             kReopenPatience.count()));
    found->second.client = -1;
  });
}

void Monitor::AskLog(Type type, const std::string& id, LogQuestion question, int64_t until) {
  base::Writer w;
  w.String(id);
  w.I64(until);
  const uint64_t number = next_question_++;
  if (!log_socket_ || !SendPacket(log_socket_.get(), type, number, w.bytes()).ok()) {
    if (question.client >= 0)
      Answer(question.client, question.question, base::Unavailable("the log process is gone"));
    if (!question.exited.empty()) PublishExit(question.exited);
    return;
  }
  log_questions_[number] = std::move(question);
}

// It died: everybody who waits is answered, another takes the kept ends of the pipes.
void Monitor::ReplaceLogProcess() {
  loop_.Unwatch(log_watch_);
  log_socket_.reset();
  const std::map<uint64_t, LogQuestion> open = std::move(log_questions_);
  log_questions_.clear();
  for (const auto& [number, question] : open) {
    if (question.attached != 0) attachments_.erase(question.attached);
    if (question.client >= 0)
      Answer(question.client, question.question, base::Unavailable("the log process died"));
    if (!question.exited.empty()) PublishExit(question.exited);
  }
  while (!attachments_.empty()) EndAttachment(attachments_.begin()->first, "the log process died");
  if (const Status status = StartLogProcess(); !status.ok())
    base::LogError("no log process", {{"error", status.error()}});
}

void Monitor::OnLog() {
  // AwaitLog() may have read what the loop woke up for together with a client's question.
  pollfd answer{log_socket_.get(), POLLIN, 0};
  if (poll(&answer, 1, 0) == 0) return;
  Result<Packet> packet = ReceivePacket(log_socket_.get());
  if (!packet.ok()) return ReplaceLogProcess();
  base::Reader r(packet->payload);
  if (packet->type == Type::kLogAttachEnded) {
    const uint64_t session = r.U64();
    return EndAttachment(session, r.String());
  }
  if (packet->type == Type::kLogInputClosed) return OnInputClosed(r.String());
  const auto found = log_questions_.find(packet->id);
  if (found == log_questions_.end()) return;
  const LogQuestion question = std::move(found->second);
  log_questions_.erase(found);
  if (question.attached != 0)
    return OnAttached(question.attached, question, ReadAnswer(packet->payload));
  if (question.client >= 0) Answer(question.client, question.question, ReadAnswer(packet->payload));
  if (!question.exited.empty()) PublishExit(question.exited);
}

}  // namespace keelson::monitor
