// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/stream/link.h"
#include "runtime/stream/listener.h"
#include "runtime/stream/served_session.h"
#include "runtime/stream/token_table.h"

namespace keelson::stream {
namespace {

using base::Result;
using base::Status;
using std::chrono::milliseconds;

constexpr milliseconds kReadyTime{10000};
constexpr milliseconds kRestartPause{500};
constexpr std::string_view kNoToken =
    "this address is not good: each is good once and for one minute, and the runtime must not have "
    "been restarted since";

// The program that runs now.
struct Program {
  os::ChildProcess process;
  std::shared_ptr<Link> link;
};

}  // namespace

class StreamServer::State {
 public:
  State(ServerOptions options, Backend& backend)
      : options_(std::move(options)), backend_(backend), tokens_(clock_) {}
  ~State() { Stop(); }

  Status Start();
  void Stop();
  Result<std::string> Url(Asked asked);
  const std::string& base_url() const { return base_url_; }
  size_t sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
  }
  int program_pid() const { return pid_; }

 private:
  Result<Program> StartProgram();
  void Supervise(Program program);
  void Serve(const std::shared_ptr<Link>& link);
  void Handle(const Packet& packet, const std::shared_ptr<Link>& link);
  void Redeem(const Packet& packet, const std::shared_ptr<Link>& link);
  std::shared_ptr<ServedSession> Find(uint64_t id);
  void CloseAll();

  const ServerOptions options_;
  Backend& backend_;
  const base::SystemClock clock_;
  TokenTable tokens_;
  Listener listener_;
  std::string base_url_;
  os::UniqueFd config_;
  os::UniqueFd stop_;
  std::thread thread_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> pid_ = 0;
  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<ServedSession>> sessions_;  // guarded by mutex_
  // Last, so that they have ended before anything that they use is gone.
  async::Executor workers_;
  async::Executor connectors_;
};

Status StreamServer::State::Start() {
  if (options_.certificate.empty() != options_.key.empty())
    return base::InvalidArgument("streaming over TLS needs a certificate and its key");
  ASSIGN_OR_RETURN(listener_, ListenTcp(options_.address, options_.port));
  base_url_ = (options_.certificate.empty() ? "http://" : "https://") + listener_.host;
  const Config config{.certificate = options_.certificate,
                      .key = options_.key,
                      .idle_seconds = options_.idle_seconds,
                      .creation_seconds = options_.creation_seconds,
                      .max_sessions = options_.max_sessions};
  ASSIGN_OR_RETURN(config_, os::CreateSealedMemfd("keelson-stream", Encode(config)));
  stop_ = os::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_) return base::Error::FromErrno(errno, "eventfd");
  ASSIGN_OR_RETURN(Program program, StartProgram());
  thread_ = std::thread(
      [this, p = std::make_shared<Program>(std::move(program))] { Supervise(std::move(*p)); });
  return base::Ok();
}

void StreamServer::State::Stop() {
  stopped_ = true;
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  thread_.join();
}

Result<Program> StreamServer::State::StartProgram() {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  // A description of its own, so that each program reads from the start.
  ASSIGN_OR_RETURN(os::UniqueFd config,
                   os::Open(fmt::format("/proc/self/fd/{}", config_.get()), O_RDONLY));
  ASSIGN_OR_RETURN(os::ChildProcess process,
                   os::ChildProcess::Spawn({.argv = {options_.program},
                                            .fds = {{2, 2},
                                                    {listener_.fd.get(), kListenFd},
                                                    {pair.second.get(), kControlFd},
                                                    {config.get(), kConfigFd}},
                                            .new_session = true}));
  pair.second.reset();
  ASSIGN_OR_RETURN(std::shared_ptr<Link> link, Link::Create(std::move(pair.first), clock_));
  if (!link->Wait(stop_.get(), kReadyTime))
    return base::DeadlineExceeded("keelson-stream does not say that it serves");
  const Result<Packet> ready = link->Receive();
  if (!ready.ok() || ready->type != Type::kReady)
    return base::Unavailable("keelson-stream ended before it served; its log says why");
  pid_ = process.pid();
  return Program{std::move(process), std::move(link)};
}

void StreamServer::State::Supervise(Program program) {
  std::optional<Program> current = std::move(program);
  while (!stopped_) {
    if (current.has_value()) {
      Serve(current->link);
      CloseAll();
      pid_ = 0;
      current.reset();
      if (stopped_) break;
      base::LogWarn("keelson-stream ended, its sessions with it; starting it again");
    }
    Result<Program> next = StartProgram();
    if (next.ok()) {
      current = std::move(next).value();
      continue;
    }
    if (stopped_) break;
    base::LogError("keelson-stream does not start: no exec, attach or port-forward, trying again",
                   {{"error", next.error()}});
    struct pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    (void)poll(&stop, 1, static_cast<int>(kRestartPause.count()));
  }
}

void StreamServer::State::Serve(const std::shared_ptr<Link>& link) {
  while (!stopped_) {
    if (!link->Wait(stop_.get(), milliseconds(-1))) continue;
    const Result<Packet> packet = link->Receive();
    if (!packet.ok()) {
      if (packet.error().os_errno() == EAGAIN) continue;
      base::LogDebug("keelson-stream is not heard any more", {{"error", packet.error()}});
      break;
    }
    Handle(*packet, link);
  }
  link->Break();
}

std::shared_ptr<ServedSession> StreamServer::State::Find(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second;
}

void StreamServer::State::Handle(const Packet& packet, const std::shared_ptr<Link>& link) {
  if (packet.type == Type::kRedeem) return Redeem(packet, link);
  const std::shared_ptr<ServedSession> session = Find(packet.session);
  if (session == nullptr) return;
  switch (packet.type) {
    case Type::kOpen:
      session->Open();
      break;
    case Type::kResize:
      if (const Result<Size> size = DecodeSize(packet.payload); size.ok()) session->Resize(*size);
      break;
    case Type::kConnect:
      if (const Result<Connect> connect = DecodeConnect(packet.payload); connect.ok())
        session->Connect(*connect);
      break;
    case Type::kClose: {
      session->Close();
      const std::lock_guard lock(mutex_);
      sessions_.erase(packet.session);
      break;
    }
    default:
      break;
  }
}

void StreamServer::State::Redeem(const Packet& packet, const std::shared_ptr<Link>& link) {
  const auto refuse = [&](std::string_view why) {
    link->Send(Type::kGranted, packet.session, EncodeGrant(base::NotFound("{}", why)));
  };
  const Result<stream::Redeem> redeem = DecodeRedeem(packet.payload);
  if (!redeem.ok()) return refuse(redeem.error().message());
  if (sessions() >= options_.max_sessions) return refuse("too many streams are open");
  std::optional<Asked> asked = tokens_.Take(redeem->kind, redeem->token);
  if (!asked.has_value()) return refuse(kNoToken);
  const auto session = std::make_shared<ServedSession>(packet.session, std::move(*asked), backend_,
                                                       link, workers_, connectors_);
  {
    const std::lock_guard lock(mutex_);
    sessions_[packet.session] = session;
  }
  link->Send(Type::kGranted, packet.session, EncodeGrant(session->MakeGrant()));
}

void StreamServer::State::CloseAll() {
  std::map<uint64_t, std::shared_ptr<ServedSession>> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(sessions_);
  }
  for (const auto& [id, session] : gone) session->Close();
}

Result<std::string> StreamServer::State::Url(Asked asked) {
  if (stopped_) return base::Unavailable("streaming has ended");
  const Kind kind = asked.kind;
  if (kind != Kind::kPortForward) {
    const ProcessRequest& p = asked.process;
    if (!p.in && !p.out && !p.err)
      return base::InvalidArgument("one of stdin, stdout and stderr must be asked for");
    if (p.tty && p.err)
      return base::InvalidArgument(
          "a terminal has no stderr of its own: tty and stderr exclude "
          "each other");
  }
  ASSIGN_OR_RETURN(const std::string token, tokens_.Add(std::move(asked)));
  return fmt::format("{}/{}/{}", base_url_, NameOf(kind), token);
}

StreamServer::StreamServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
StreamServer::~StreamServer() = default;

Result<std::unique_ptr<StreamServer>> StreamServer::Create(ServerOptions options,
                                                           Backend& backend) {
  auto state = std::make_unique<State>(std::move(options), backend);
  RETURN_IF_ERROR(state->Start());
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(state)));
}

Result<std::string> StreamServer::Exec(ProcessRequest request) {
  if (request.command.empty()) return base::InvalidArgument("no command is given");
  return state_->Url({.kind = Kind::kExec, .process = std::move(request)});
}

Result<std::string> StreamServer::Attach(ProcessRequest request) {
  request.command.clear();
  return state_->Url({.kind = Kind::kAttach, .process = std::move(request)});
}

Result<std::string> StreamServer::PortForward(std::string sandbox_id, std::vector<uint16_t> ports) {
  return state_->Url(
      {.kind = Kind::kPortForward, .sandbox_id = std::move(sandbox_id), .ports = std::move(ports)});
}

void StreamServer::Stop() { state_->Stop(); }
const std::string& StreamServer::base_url() const { return state_->base_url(); }
size_t StreamServer::sessions() const { return state_->sessions(); }
int StreamServer::program_pid() const { return state_->program_pid(); }

}  // namespace keelson::stream
