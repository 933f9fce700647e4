// SPDX-License-Identifier: Apache-2.0
// What streaming asks of the runtime: live commands, attached clients, connections to a pod's
// ports. Only descriptors pass through here, never a byte.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include "cri-api/cri.h"
#include "lib/base/ip_address.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/socket.h"
#include "lib/os/socket_address.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using base::Error;
using base::Result;
using base::Status;
using container::ContainerState;
using container::SandboxState;
using os::UniqueFd;

namespace {

constexpr std::chrono::milliseconds kConnectPatience{5000};

// One of the pod's sessions, as long as this lives.
class Place {
 public:
  static Result<Place> Take(std::shared_ptr<std::atomic<int>> count, int most) {
    if (count->fetch_add(1) < most) return Place(std::move(count));
    --*count;
    return base::ResourceExhausted("{} sessions are open in this pod already", most);
  }
  Place(Place&&) noexcept = default;
  Place& operator=(Place&&) noexcept = delete;
  ~Place() {
    if (count_) --*count_;
  }

 private:
  explicit Place(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) {}
  std::shared_ptr<std::atomic<int>> count_;
};

class StreamSession final : public stream::Session {
 public:
  StreamSession(Place place, stream::Ends ends, std::unique_ptr<monitor::LiveSession> live)
      : place_(std::move(place)), ends_(std::move(ends)), live_(std::move(live)) {}
  stream::Ends TakeEnds() override { return std::move(ends_); }
  Status Resize(uint16_t columns, uint16_t rows) override {
    if (!live_->terminal) return base::FailedPrecondition("the session has no terminal");
    // Clients whose own terminal has no size say so; programs would take it at its word.
    if (rows == 0 || columns == 0) return base::Ok();
    const winsize size{rows, columns, 0, 0};
    if (ioctl(live_->terminal.get(), TIOCSWINSZ, &size) != 0)
      return Error::FromErrno(errno, "set the terminal's size");
    return base::Ok();
  }

 private:
  const Place place_;  // given back when all else is gone
  stream::Ends ends_;
  const std::unique_ptr<monitor::LiveSession> live_;
};

// `ours` is the client's end: it writes the standard input and reads the others.
Status MakePipe(bool input, UniqueFd& ours, UniqueFd& theirs) {
  ASSIGN_OR_RETURN(os::Pipe pipe, os::CreatePipe());
  ours = std::move(input ? pipe.write_end : pipe.read_end);
  theirs = std::move(input ? pipe.read_end : pipe.write_end);
  return base::Ok();
}

Status MakePipes(const stream::ProcessRequest& wanted, stream::Ends& ours, UniqueFd& in,
                 UniqueFd& out, UniqueFd& err) {
  if (wanted.in) RETURN_IF_ERROR(MakePipe(true, ours.in, in));
  if (wanted.out) RETURN_IF_ERROR(MakePipe(false, ours.out, out));
  if (wanted.err) RETURN_IF_ERROR(MakePipe(false, ours.err, err));
  return base::Ok();
}

// In the calling thread's network namespace.
Result<UniqueFd> ConnectTo(const os::SocketAddress& address) {
  UniqueFd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::FromErrno(errno, "socket");
  if (connect(socket.get(), &address.any, address.size()) != 0) {
    if (errno != EINPROGRESS) return Error::FromErrno(errno, "connect");
    pollfd item{socket.get(), POLLOUT, 0};
    const int ready = poll(&item, 1, static_cast<int>(kConnectPatience.count()));
    if (ready < 0) return Error::FromErrno(errno, "poll");
    if (ready == 0) return Error::FromErrno(ETIMEDOUT, "connect");
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) return Error::FromErrno(failure, "connect");
  }
  const int on = 1;
  (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Result<UniqueFd> ConnectToLocalhost(uint16_t port) {
  const auto to = [port](const char* loopback) {
    return ConnectTo(os::SocketAddress::Of(*base::IpAddress::Parse(loopback), port));
  };
  Result<UniqueFd> socket = to("127.0.0.1");
  if (socket.ok()) return socket;
  Result<UniqueFd> second = to("::1");
  // Where nothing listens both refuse; without IPv6 the first one's word is the better one.
  return second.ok() ? std::move(second) : std::move(socket);
}

}  // namespace

Result<std::unique_ptr<stream::Session>> Runtime::Open(
    const stream::ProcessRequest& wanted, std::function<void(const stream::Ended&)> ended) {
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(wanted.container_id));
  if (view.record.state != ContainerState::kRunning)
    return base::FailedPrecondition("container '{}' does not run", wanted.container_id);
  const SandboxPtr sandbox = FindSandbox(view.record.sandbox_id);
  const std::shared_ptr<monitor::MonitorClient> monitor = sandbox ? MonitorOf(sandbox) : nullptr;
  if (!monitor)
    return base::Unavailable("the pod of container '{}' has no monitor", wanted.container_id);
  ASSIGN_OR_RETURN(Place place, Place::Take(sandbox->sessions, kMostSessions));
  monitor::MonitorClient::EndHandler on_end =
      [ended = std::move(ended)](const monitor::SessionEnd& end) {
        ended({.exit_code = end.exit_code, .error = end.error});
      };
  stream::Ends ends;
  std::unique_ptr<monitor::LiveSession> live;
  if (wanted.command.empty()) {
    RETURN_IF_ERROR(CheckAttach(view, wanted.tty));
    monitor::AttachRequest request;
    request.container_id = view.record.id;
    request.terminal = wanted.tty;
    if (wanted.tty) {
      ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_STREAM));
      ends.terminal = std::move(pair.first);
      request.out = std::move(pair.second);
    } else {
      RETURN_IF_ERROR(MakePipes(wanted, ends, request.in, request.out, request.err));
    }
    ASSIGN_OR_RETURN(live, monitor->Attach(std::move(request), std::move(on_end)));
  } else {
    const ContainerPtr container = FindContainer(view.record.id);
    if (!container) return base::NotFound("no container '{}'", view.record.id);
    ASSIGN_OR_RETURN(monitor::ExecRequest request, ExecRequestFor(container, wanted.command));
    request.process.terminal = wanted.tty;
    std::vector<std::string>& env = request.process.env;
    if (wanted.tty && std::none_of(env.begin(), env.end(), [](const std::string& variable) {
          return variable.starts_with("TERM=");
        }))
      env.emplace_back("TERM=xterm");
    if (!wanted.tty) RETURN_IF_ERROR(MakePipes(wanted, ends, request.in, request.out, request.err));
    ASSIGN_OR_RETURN(live, monitor->OpenExec(std::move(request), std::move(on_end)));
    if (live->terminal) {
      // Ours stays for its size, and keeps the terminal from hanging up before the session's end.
      ASSIGN_OR_RETURN(ends.terminal, os::Duplicate(live->terminal.get()));
    }
  }
  return std::unique_ptr<stream::Session>(
      new StreamSession(std::move(place), std::move(ends), std::move(live)));
}

Status Runtime::CheckAttach(const ContainerView& view, bool tty) const {
  if (view.config.tty() == tty) return base::Ok();
  return base::InvalidArgument("tty: container '{}' was made {} a terminal", view.record.id,
                               view.config.tty() ? "with" : "without");
}

Result<UniqueFd> Runtime::Connect(const std::string& sandbox_id, uint16_t port) {
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(sandbox_id));
  if (pod.record.state != SandboxState::kReady)
    return base::FailedPrecondition("pod sandbox '{}' is not ready", sandbox_id);
  UniqueFd netns;
  const bool host =
      pod.config.linux().security_context().namespace_options().network() == cri::NODE;
  if (!host) {
    ASSIGN_OR_RETURN(netns, os::Open(PinDir() + "/" + pod.record.id, O_RDONLY));
  }
  Result<UniqueFd> socket = base::Internal("not tried");
  const auto connect = [&] {
    if (netns && setns(netns.get(), CLONE_NEWNET) != 0) {
      socket = Error::FromErrno(errno, "enter the pod's network namespace");
      return;
    }
    socket = ConnectToLocalhost(port);
  };
  // A thread that has left the host's network is of no further use.
  try {
    std::thread(connect).join();
  } catch (const std::system_error& error) {
    return base::ResourceExhausted("no thread for a connection: {}", error.what());
  }
  if (socket.ok()) return socket;
  return socket.error().WithContext(fmt::format("port {} of pod '{}'", port, pod.record.id));
}

}  // namespace keelson::cri_server
