// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/spec/encode.h"

namespace keelson::monitor {

using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

int64_t Now() { return base::SystemClock().WallNanos(); }

Result<std::string> Done(const Status& status) {
  if (!status.ok()) return status.error();
  return std::string();
}

}  // namespace

// --- connections
// -----------------------------------------------------------------------------------------------------

void Monitor::OnConnect() {
  Result<UniqueFd> accepted = os::Accept(kListener);
  if (!accepted.ok()) return;
  const Result<os::PeerIdentity> peer = os::GetPeerIdentity(accepted->get());
  if (!peer.ok() || peer->uid != geteuid()) return;
  (void)WatchClient(std::move(accepted).value());
}

Status Monitor::WatchClient(UniqueFd client) {
  const int fd = client.get();
  ASSIGN_OR_RETURN(client_watches_[fd],
                   loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnClient(fd); }));
  clients_[fd] = std::move(client);
  return base::Ok();
}

void Monitor::CloseClient(int client) {
  if (const auto watch = client_watches_.find(client); watch != client_watches_.end()) {
    loop_.Unwatch(watch->second);
    client_watches_.erase(watch);
  }
  clients_.erase(client);
  ForgetClient(client);
  // Nobody is left who would read them.
  for (auto& [pid, exec] : execs_) {
    if (exec.client != client) continue;
    exec.client = -1;
    KillExec(pid, exec);
  }
  for (auto& [number, question] : log_questions_) {
    if (question.client == client) question.client = -1;
  }
  for (auto& [session, attachment] : attachments_) {
    if (attachment.client != client) continue;
    Detach(client, attachment.question);
    attachment.client = -1;
  }
}

void Monitor::Answer(int client, uint64_t question, const Result<std::string>& result,
                     const std::vector<int>& fds) {
  if (!clients_.contains(client)) return;
  (void)SendPacket(client, Type::kAnswer, question,
                   result.ok() ? AnswerOk(*result) : AnswerError(result.error()), fds);
}

void Monitor::OnClient(int client) {
  Result<Packet> packet = ReceivePacket(client);
  if (!packet.ok()) {
    if (packet.error().code() == base::Code::kFailedPrecondition)  // of another major version
      (void)SendPacket(client, Type::kAnswer, 0, AnswerError(packet.error()));
    return CloseClient(client);
  }
  base::Reader r(packet->payload);
  switch (packet->type) {
    case Type::kList:
      // Who asks must not take for unknown what is about to be.
      if (StartsUnderWay()) return lists_waiting_.emplace_back(client, packet->id), void();
      return Answer(client, packet->id, List());
    case Type::kStart: {
      const Result<std::optional<std::string>> started = Start(client, *packet);
      if (!started.ok()) return Answer(client, packet->id, started.error());
      if (*started) Answer(client, packet->id, **started);
      return;
    }
    case Type::kExec:
    case Type::kOpenExec:
      if (const Status status = StartExec(client, *packet); !status.ok())
        Answer(client, packet->id, status.error());
      return;
    case Type::kKillExec:
      return KillExecOf(client, packet->id);
    case Type::kAttach:
      if (const Status status = Attach(client, *packet); !status.ok())
        Answer(client, packet->id, status.error());
      return;
    case Type::kDetach:
      return Detach(client, packet->id);
    case Type::kSignal: {
      const std::string id = r.String();
      const int signal = r.I32();
      if (SignalOther(client, packet->id, id, signal)) return;
      FAIL_POINT("monitor.signal.asked");
      return Answer(client, packet->id, Done(Signal(id, signal)));
    }
    case Type::kKillAll:
      Answer(client, packet->id, Done(KillAll(r.String())));
      FAIL_POINT("monitor.kill.answered");
      return;
    case Type::kReopenLog: {
      const std::string id = r.String();
      if (!containers_.contains(id))
        return Answer(client, packet->id, base::NotFound("no container '{}'", id));
      FAIL_POINT("monitor.log.reopen_asked");
      return ReopenLog(client, packet->id, id);
    }
    case Type::kForget:
      return Answer(client, packet->id, Done(Forget(r.String())));
    case Type::kShutdown:
      Shutdown();
      Answer(client, packet->id, std::string());
      return loop_.Stop();
    case Type::kUpgrade:
      return BeginUpgrade(client, *packet);
    default:
      if (packet->id == 0) return;
      return Answer(client, packet->id,
                    base::Unimplemented("the monitor does not know message {}",
                                        static_cast<uint32_t>(packet->type)));
  }
}

bool Monitor::StartsUnderWay() const {
  return !starting_.empty() ||
         std::any_of(containers_.begin(), containers_.end(),
                     [](const auto& known) { return known.second.undecided; });
}

void Monitor::AnswerWaitingLists() {
  if (StartsUnderWay()) return;
  for (const auto& [client, question] : std::exchange(lists_waiting_, {}))
    Answer(client, question, List());
}

Result<std::string> Monitor::List() const {
  base::Writer w;
  w.U32(static_cast<uint32_t>(containers_.size()));
  for (const auto& [id, container] : containers_) Put(w, container.state);
  return w.Take();
}

// --- containers
// ------------------------------------------------------------------------------------------------------

Result<std::optional<std::string>> Monitor::Start(int client, Packet& packet) {
  base::Reader r(packet.payload);
  marks_.Clear();
  Mark(spec::StartStage::kRead);
  const bool has_log = r.Bool();
  Container container;
  container.begin_until = r.AtEnd() ? 0 : r.I64();
  const size_t fixed = has_log ? 2 : 1;
  if (!r.ok() || packet.fds.size() < fixed)
    return base::InvalidArgument("a start takes a specification and its descriptors");
  RETURN_IF_ERROR(StillWanted(container));
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(packet.fds[0].get()));
  ASSIGN_OR_RETURN(const spec::ContainerSpec spec, spec::DecodeContainerSpec(bytes));
  FAIL_POINT("monitor.start.read");
  if (containers_.contains(spec.id))
    return base::AlreadyExists("container '{}' was started before", spec.id);
  container.state.id = spec.id;
  container.unified_cgroup = spec.unified_cgroup;
  container.memory_cgroup = spec.memory_cgroup;
  container.cgroups = spec.cgroup_paths;
  container.log_name = spec.log_name;
  container.log_limit = spec.log_limit;
  container.log_flags = static_cast<uint8_t>(
      (has_log ? kLogFile : 0) | (spec.process.terminal ? kLogTerminal : 0) |
      (spec.open_stdin ? kLogInput : 0) | (spec.stdin_once ? kLogInputOnce : 0));
  if (has_log) container.log_fds.push_back(std::move(packet.fds[1]));
  packet.fds.erase(packet.fds.begin(), packet.fds.begin() + static_cast<std::ptrdiff_t>(fixed));
  if (!spec.other.program.empty()) {
    RETURN_IF_ERROR(
        StartOther(client, packet.id, spec, std::move(packet.fds), std::move(container)));
    return std::optional<std::string>();
  }
  std::vector<int> volumes;
  for (const UniqueFd& fd : packet.fds) volumes.push_back(fd.get());
  ASSIGN_OR_RETURN(std::string answer, LaunchContainer(spec, volumes, container));
  return std::optional(std::move(answer));
}

Result<UniqueFd> Monitor::ProcessesOf(const std::string& id) const {
  const auto other = containers_.find(id);
  if (other == containers_.end() || other->second.state.phase != ContainerPhase::kRunning) {
    return base::FailedPrecondition(
        "the container '{}' whose processes are to be shared does not run", id);
  }
  return os::Open(fmt::format("/proc/{}/ns/pid", other->second.state.started.pid), O_RDONLY);
}

Result<std::string> Monitor::LaunchContainer(const spec::ContainerSpec& spec,
                                             const std::vector<int>& volumes,
                                             Container& container) {
  launcher::PodContext pod;
  pod.net = net_.get();
  pod.ipc = ipc_.get();
  pod.uts = uts_.get();
  pod.user = user_.get();
  pod.users = setup_.users;
  pod.marks = &marks_;
  UniqueFd target;
  pod.pid = pod_pid_.get();
  if (spec.pid_mode == spec::PidMode::kTarget) {
    ASSIGN_OR_RETURN(target, ProcessesOf(spec.target_container_id));
    pod.pid = target.get();
  }
  os::Pipe in, out, err;
  if (!container.HasTerminal()) {
    ASSIGN_OR_RETURN(out, os::CreatePipe());
    ASSIGN_OR_RETURN(err, os::CreatePipe());
    if (spec.open_stdin) {
      ASSIGN_OR_RETURN(in, os::CreatePipe());
    }
  }
  const launcher::Streams streams = {in.read_end.get(), out.write_end.get(), err.write_end.get()};
  container.oom_before = cgroup::ReadOomKills(container.memory_cgroup).value_or(0);
  Result<launcher::Pending> begun = launcher::BeginStart(spec, pod, volumes, streams);
  if (!begun.ok()) return OrTooLittleMemory(begun.error(), container);
  launcher::Pending pending = std::move(begun).value();
  FAIL_POINT("monitor.start.begun");
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  launcher::Terminal terminal = pending.TakeTerminal();
  container.state.phase = ContainerPhase::kRunning;
  container.state.started = {pending.pid(), Now()};
  std::vector<UniqueFd> ends;
  ends.push_back(std::move(container.HasTerminal() ? terminal.master : out.read_end));
  ends.push_back(std::move(container.HasTerminal() ? terminal.peer : err.read_end));
  const Result<uint64_t> log_added = MakeKnown(container, std::move(ends), std::move(in.write_end));
  Status ready = log_added.ok() ? base::Ok() : Status(log_added.error());
  Mark(spec::StartStage::kReady);
  if (ready.ok()) ready = StillWanted(container);
  if (ready.ok()) ready = pending.Go();
  FAIL_POINT("monitor.start.going");
  if (!ready.ok()) {
    (void)os::SignalPidfd(pending.pidfd(), SIGKILL);
    while (waitpid(pending.pid(), nullptr, __WALL) < 0 && errno == EINTR) {
    }
    MakeUnknown(spec.id);
    return OrTooLittleMemory(ready.error(), container);
  }
  container.pidfd = pending.TakePidfd();
  base::Writer answer;
  answer.I32(container.state.started.pid);
  answer.I64(container.state.started.started_at);
  containers_[spec.id] = std::move(container);
  Mark(spec::StartStage::kLogReady);
  AwaitLog(*log_added);
  FAIL_POINT("monitor.start.known");
  PutStages(answer, marks_.Spans());
  return answer.Take();
}

// A process that the kernel kills, or refuses memory, says nothing of the limit.
base::Error Monitor::OrTooLittleMemory(const base::Error& error, const Container& container) {
  const uint64_t kills =
      cgroup::ReadOomKills(container.memory_cgroup).value_or(container.oom_before);
  if (kills == container.oom_before && error.os_errno() != ENOMEM) return error;
  for (const char* file : {"/memory.max", "/memory.limit_in_bytes"}) {
    const Result<std::string> text = os::ReadFile(container.memory_cgroup + file, 64);
    if (!text.ok()) continue;
    return base::Error(base::Code::kFailedPrecondition,
                       fmt::format("the memory limit of {} bytes is too low to start the "
                                   "container: {}",
                                   base::Trim(*text), error.message()));
  }
  return error;
}

Result<uint64_t> Monitor::MakeKnown(Container& container, std::vector<UniqueFd> ends,
                                    UniqueFd input) {
  // Before it runs, whoever comes after us knows it: its pid, its cgroups, its pipes.
  base::Writer note;
  note.String(container.state.id);
  note.I32(container.state.started.pid);
  note.String(NotesOf(container));
  Mark(spec::StartStage::kAnchor);
  const Result<Packet> registered = Ask(kAnchor, Type::kRegister, note.bytes());
  RETURN_IF_ERROR(WithoutAnchor(
      registered.ok() ? base::Ok() : Status(registered.error().WithContext("tell the anchor"))));
  FAIL_POINT("monitor.start.registered");
  Mark(spec::StartStage::kLog);
  for (UniqueFd& dir : container.log_fds) ends.push_back(std::move(dir));
  if (input) ends.push_back(std::move(input));
  container.log_fds = std::move(ends);
  RETURN_IF_ERROR(KeepStreams(container));
  FAIL_POINT("monitor.start.streams");
  ASSIGN_OR_RETURN(const uint64_t log_added, AddLogOfNew(container));
  FAIL_POINT("monitor.start.log");
  base::Writer begun;
  begun.String(container.state.id);
  RETURN_IF_ERROR(WithoutAnchor(SendPacket(kAnchor, Type::kBegun, 0, begun.bytes())));
  FAIL_POINT("monitor.start.told");
  return log_added;
}

void Monitor::MakeUnknown(const std::string& id) {
  base::Writer w;
  w.String(id);
  (void)SendPacket(kAnchor, Type::kUnregister, 0, w.bytes());
  AskLog(Type::kLogRemove, id, {});
}

Status Monitor::StillWanted(const Container& container) {
  const int64_t now = base::SystemClock().Steady().time_since_epoch() / std::chrono::nanoseconds(1);
  if (container.begin_until == 0 || now < container.begin_until) return base::Ok();
  return base::Error(base::Code::kAborted,
                     "the start was given up before the container could begin");
}

void Monitor::Mark(spec::StartStage stage) { marks_.Mark(static_cast<size_t>(stage)); }

Status Monitor::Signal(const std::string& id, int signal) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  if (found->second.state.phase != ContainerPhase::kRunning) return base::Ok();
  const Status status = os::SignalPidfd(found->second.pidfd.get(), signal);
  return !status.ok() && status.error().os_errno() == ESRCH ? base::Ok() : status;
}

Status Monitor::KillAll(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  const Container& container = found->second;
  if (!container.unified_cgroup.empty() &&
      os::WriteControl(AT_FDCWD, container.unified_cgroup + "/cgroup.kill", "1").ok())
    return base::Ok();
  // The end of a PID namespace's first process ends all of it.
  return Signal(id, SIGKILL);
}

Status Monitor::Forget(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::Ok();
  if (found->second.state.phase == ContainerPhase::kRunning)
    return base::FailedPrecondition("container '{}' runs", id);
  if (!found->second.log_fds.empty()) AskLog(Type::kLogRemove, id, {});
  FAIL_POINT("monitor.forget.log");
  base::Writer w;
  w.String(id);
  (void)SendPacket(kAnchor, Type::kUnregister, 0, w.bytes());
  FAIL_POINT("monitor.forget.unregistered");
  containers_.erase(found);
  return os::RemoveTree(setup_.run_dir + "/" + id);
}

void Monitor::Shutdown() {
  for (const auto& [id, container] : containers_) {
    if (container.state.phase == ContainerPhase::kRunning) (void)KillAll(id);
  }
  for (auto& [pid, exec] : execs_) KillExec(pid, exec);
  for (const auto& [id, container] : containers_) DeleteOther(container);
  FAIL_POINT("monitor.shutdown.killed");
  if (pod_init_) (void)os::SignalPidfd(pod_init_.get(), SIGKILL);
  // The log process ends with the last copy of its connection, after writing what it has.
  if (log_socket_) loop_.Unwatch(log_watch_);
  log_socket_.reset();
  (void)KeepWithAnchor("log-connection", {});
  FAIL_POINT("monitor.shutdown.done");
}

}  // namespace keelson::monitor
