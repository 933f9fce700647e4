// SPDX-License-Identifier: Apache-2.0
#include "supervise/keeper.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "supervise/finder.h"

namespace keelson::supervise {
namespace {

constexpr std::chrono::seconds kLookAtLogs{30};
constexpr uint32_t kPatience = 20;  // seconds until what should end is killed

// How it ended, if it was a child of ours; another's end is not told to us.
std::string Reap(int pidfd) {
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
    return "ended";
  if (info.si_code == CLD_EXITED) return fmt::format("exited with code {}", info.si_status);
  return fmt::format("killed by signal {}", info.si_status);
}

const std::vector<std::string> kEnvironment = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};

}  // namespace

Keeper::Keeper(os::EventLoop& loop, const base::Clock& clock, Settings settings)
    : loop_(loop), clock_(clock), settings_(std::move(settings)) {}

Keeper::~Keeper() = default;

base::Status Keeper::Start() {
  if (const auto bytes = os::ReadFile(settings_.paths.counts()); bytes.ok()) {
    if (auto counts = DecodeCounts(*bytes); counts.ok()) counts_ = *std::move(counts);
  }
  RETURN_IF_ERROR(Load(true));
  ASSIGN_OR_RETURN(listener_, os::ListenUnix(settings_.paths.socket(), SOCK_SEQPACKET));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto watch,
                   loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { OnConnection(); }));
  StartTwin();
  KeepLogsShort();
  return base::Ok();
}

base::Status Keeper::Load(bool first) {
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(settings_.paths.layout()));
  ASSIGN_OR_RETURN(const Layout layout, DecodeLayout(bytes));
  if (first) AwaitBegun();  // what a keeper began right before its end is not begun again
  const std::map<std::string, Found> running =
      first ? FindRunning(layout) : std::map<std::string, Found>();
  order_.clear();
  for (auto& [name, one] : processes_) one->wanted = false;
  for (const Process& process : layout.processes) {
    order_.push_back(process.name);
    std::unique_ptr<Watched>& place = processes_[process.name];
    if (!place) {
      place = std::make_unique<Watched>();
      place->process = process;
      place->restarts = counts_[process.name];
    }
    Watched& one = *place;
    one.wanted = true;
    if (one.pid != 0) {
      if (one.process != process) {  // the one with other words ends first
        one.next = process;
        (void)os::SignalPidfd(one.pidfd.get(), SIGTERM);
      }
      continue;
    }
    one.process = process;
    if (one.state == State::kWaiting) continue;
    if (!first || !Adopt(one, running)) StartProcess(one);
  }
  for (auto& [name, one] : processes_)
    if (!one->wanted) EndProcess(*one, kPatience);
  return base::Ok();
}

bool Keeper::Adopt(Watched& one, const std::map<std::string, Found>& running) {
  const auto found = running.find(one.process.name);
  if (found == running.end()) return false;
  auto pidfd = os::OpenPidfd(found->second.pid);
  // It may have ended, and another have its number.
  const auto ticks = os::StartTimeOf(found->second.pid);
  if (!pidfd.ok() || !ticks.ok() || *ticks != found->second.start_ticks) return false;
  one.started = clock_.Steady();
  one.since = WallOfTicks(*ticks, clock_.WallNanos());
  base::LogInfo("goes on", {{"process", one.process.name}, {"pid", found->second.pid}});
  Follow(one, found->second.pid, *std::move(pidfd));
  return true;
}

void Keeper::StartProcess(Watched& one) {
  one.timer = 0;
  one.started = clock_.Steady();
  one.since = clock_.WallNanos();
  const auto log = os::Open(one.process.log, O_WRONLY | O_CREAT | O_APPEND, 0640);
  os::SpawnOptions options{.argv = one.process.argv, .env = kEnvironment, .new_session = true};
  if (log.ok()) options.fds = {{log->get(), 1}, {log->get(), 2}};
  base::Result<os::ChildProcess> child =
      log.ok() ? os::ChildProcess::Spawn(options) : base::Result<os::ChildProcess>(log.error());
  auto pidfd = child.ok() ? os::Duplicate(child->pidfd()) : child.error();
  if (!pidfd.ok()) {
    base::LogError("cannot be started", {{"process", one.process.name}, {"error", pidfd.error()}});
    one.last_end = "could not be started: " + pidfd.error().message();
    one.state = State::kWaiting;
    one.timer = loop_.After(one.backoff.AfterEnd(one.started, clock_.Steady()) + Backoff::kFirst,
                            [this, &one] { StartProcess(one); });
    return;
  }
  const pid_t pid = child->pid();
  child->Release();
  base::LogInfo("started", {{"process", one.process.name}, {"pid", pid}});
  Follow(one, pid, *std::move(pidfd));
}

void Keeper::Follow(Watched& one, pid_t pid, os::UniqueFd pidfd) {
  one.pid = pid;
  one.pidfd = std::move(pidfd);
  one.state = State::kRunning;
  auto watch = loop_.Watch(one.pidfd.get(), EPOLLIN,
                           [this, name = one.process.name](uint32_t) { OnEnd(name); });
  if (watch.ok()) {
    one.watch = *watch;
  } else {
    base::LogError("cannot be watched", {{"process", one.process.name}, {"error", watch.error()}});
  }
}

void Keeper::Forget(Watched& one) {
  if (one.watch != 0) loop_.Unwatch(one.watch);
  if (one.timer != 0) loop_.CancelTimer(one.timer);
  one.watch = 0;
  one.timer = 0;
}

void Keeper::OnEnd(const std::string& name) {
  const auto found = processes_.find(name);
  if (found == processes_.end()) return;
  Watched& one = *found->second;
  one.last_end = Reap(one.pidfd.get());
  Forget(one);
  one.pid = 0;
  one.pidfd.reset();
  one.since = clock_.WallNanos();
  if (!one.wanted) {
    one.state = State::kStopped;
    base::LogInfo("stopped", {{"process", name}, {"end", one.last_end}});
    for (const int fd : std::exchange(one.waiting, {})) Send(fd, Tell());
    return;
  }
  if (one.next) {
    one.process = *std::exchange(one.next, std::nullopt);
    return StartProcess(one);
  }
  counts_[name] = ++one.restarts;
  SaveCounts();
  const auto wait = one.backoff.AfterEnd(one.started, clock_.Steady());
  base::LogWarn("ended, starting it again",
                {{"process", name}, {"end", one.last_end}, {"milliseconds", wait.count()}});
  one.state = State::kWaiting;
  if (wait.count() == 0) return StartProcess(one);
  one.timer = loop_.After(wait, [this, &one] { StartProcess(one); });
}

void Keeper::EndProcess(Watched& one, uint32_t patience_seconds) {
  one.wanted = false;
  if (one.timer != 0) loop_.CancelTimer(one.timer);
  one.timer = 0;
  if (one.pid == 0) {
    one.state = State::kStopped;
    return;
  }
  (void)os::SignalPidfd(one.pidfd.get(), SIGTERM);
  one.timer = loop_.After(std::chrono::seconds(patience_seconds), [&one] {
    one.timer = 0;
    if (one.pid != 0) (void)os::SignalPidfd(one.pidfd.get(), SIGKILL);
  });
}

void Keeper::SaveCounts() {
  const base::Status saved = os::WriteFileAtomic(settings_.paths.counts(), Encode(counts_), 0600);
  if (!saved.ok()) base::LogWarn("counts of restarts are not kept", {{"error", saved.error()}});
}

// Waits for the lock that this process holds for as long as it lives.
void Keeper::StartTwin() {
  const auto log = os::Open(settings_.paths.log(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  os::SpawnOptions options{.argv = settings_.twin, .env = kEnvironment, .new_session = true};
  if (log.ok()) options.fds = {{log->get(), 1}, {log->get(), 2}};
  twin_started_ = clock_.Steady();
  const auto again = [this] {
    const auto wait = twin_backoff_.AfterEnd(twin_started_, clock_.Steady());
    (void)loop_.After(wait, [this] { StartTwin(); });
  };
  auto child = os::ChildProcess::Spawn(options);
  auto pidfd = child.ok() ? os::Duplicate(child->pidfd()) : child.error();
  if (!pidfd.ok()) {
    base::LogError("no twin could be started", {{"error", pidfd.error()}});
    return again();
  }
  twin_ = child->pid();
  child->Release();
  twin_fd_ = *std::move(pidfd);
  auto watch = loop_.Watch(twin_fd_.get(), EPOLLIN, [this, again](uint32_t) {
    (void)Reap(twin_fd_.get());
    loop_.Unwatch(twin_watch_);
    twin_ = 0;
    again();
  });
  if (watch.ok()) twin_watch_ = *watch;
}

// Daemons append: what is cut goes on at the beginning.
void Keeper::KeepLogsShort() {
  for (const auto& [name, one] : processes_) {
    struct stat now{};
    const std::string& path = one->process.log;
    if (stat(path.c_str(), &now) != 0 || now.st_size <= settings_.longest_log) continue;
    const auto text = os::ReadFile(path, static_cast<size_t>(now.st_size) + (64u << 20));
    const base::Status kept =
        text.ok() ? os::WriteFileAtomic(path + ".1", *text, 0640) : base::Status(text.error());
    if (!kept.ok()) base::LogWarn("a log was cut without a copy", {{"error", kept.error()}});
    if (truncate(path.c_str(), 0) != 0)
      base::LogWarn("a log cannot be cut",
                    {{"error", base::Error::FromErrno(errno, "truncate {}", path)}});
  }
  loop_.After(kLookAtLogs, [this] { KeepLogsShort(); });
}

Reply Keeper::Tell() const {
  Reply reply;
  reply.keeper = getpid();
  reply.twin = twin_;
  for (const std::string& name : order_) {
    const Watched& one = *processes_.at(name);
    reply.processes.push_back({name, one.state, one.pid, one.since, one.restarts, one.last_end});
  }
  return reply;
}

void Keeper::OnConnection() {
  auto socket = os::AcceptOwner(listener_.get());
  if (!socket.ok()) return;
  const int fd = socket->get();
  auto watch = loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnRequest(fd); });
  if (watch.ok()) connections_[fd] = {*std::move(socket), *watch};
}

void Keeper::Send(int fd, const Reply& reply) {
  const auto connection = connections_.find(fd);
  if (connection != connections_.end()) (void)os::SendMessage(fd, Encode(reply));
}

void Keeper::OnRequest(int fd) {
  const auto message = os::ReceiveMessage(fd);
  const auto request =
      message.ok() ? DecodeRequest(message->bytes) : base::Result<Request>(message.error());
  if (!message.ok()) {
    loop_.Unwatch(connections_[fd].watch);
    connections_.erase(fd);
    for (const auto& [name, one] : processes_) std::erase(one->waiting, fd);
    return;
  }
  Reply refused;
  if (!request.ok()) {
    refused.error = request.error().message();
    return Send(fd, refused);
  }
  switch (request->verb) {
    case Verb::kTell:
      return Send(fd, Tell());
    case Verb::kReload: {
      const base::Status loaded = Load(false);
      Reply reply = Tell();
      if (!loaded.ok()) reply.error = loaded.error().message();
      return Send(fd, reply);
    }
    case Verb::kStop: {
      const auto found = processes_.find(request->name);
      if (found == processes_.end()) return Send(fd, Tell());
      EndProcess(*found->second, request->patience_seconds);
      if (found->second->pid == 0) return Send(fd, Tell());
      found->second->waiting.push_back(fd);
      return;
    }
    case Verb::kQuit:
      if (twin_ != 0) (void)os::SignalPidfd(twin_fd_.get(), SIGKILL);
      Send(fd, Tell());
      base::LogInfo("the supervisor ends, processes go on");
      return loop_.Stop();
  }
  refused.error =
      fmt::format("a request of kind {} is not known here", static_cast<uint32_t>(request->verb));
  Send(fd, refused);
}

}  // namespace keelson::supervise
