// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/tcp_probe.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::probe {
namespace {

using Time = std::chrono::steady_clock;

struct AddressesDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

base::Status AwaitConnected(int fd, const std::string& name, Time::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Time::now()).count();
    pollfd poll_fd{fd, POLLOUT, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return base::Error::FromErrno(errno, "poll");
    if (ready == 0) return base::DeadlineExceeded("dial tcp {}: i/o timeout", name);
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return base::Error::FromErrno(error, "dial tcp {}: connect", name);
    return base::Ok();
  }
}

base::Result<os::UniqueFd> ConnectTo(const addrinfo& address, const std::string& name,
                                     Time::time_point deadline) {
  os::UniqueFd fd(
      ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd) return base::Error::FromErrno(errno, "socket");
  SetLinger(fd.get());
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return base::Error::FromErrno(errno, "dial tcp {}: connect", name);
    RETURN_IF_ERROR(AwaitConnected(fd.get(), name, deadline));
  }
  return fd;
}

}  // namespace

base::Result<uint16_t> ResolvePort(const kube::IntOrString& port,
                                   const kube::Container* container) {
  int64_t number = port.number;
  if (!port.is_int) {
    number = base::ParseInt64(port.text).value_or(-1);
    bool found = number >= 0;
    if (container != nullptr) {
      for (const kube::ContainerPort& candidate : container->ports) {
        if (candidate.name != port.text || port.text.empty()) continue;
        number = candidate.container_port;
        found = true;
        break;
      }
    }
    if (!found) return base::NotFound("there is no port named {}", base::QuoteIfNeeded(port.text));
  }
  if (number < 1 || number > 65535) return base::InvalidArgument("invalid port number: {}", number);
  return static_cast<uint16_t>(number);
}

std::string JoinHostPort(const std::string& host, uint16_t port) {
  return base::Endpoint(host, port);
}

void SetLinger(int socket) {
  const linger value{.l_onoff = 1, .l_linger = 1};
  // Spares ports only: a probe without it is as true as with it.
  (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

base::Result<os::UniqueFd> Connect(const std::string& host, uint16_t port,
                                   std::chrono::milliseconds timeout) {
  const Time::time_point deadline = Time::now() + timeout;
  const std::string name = JoinHostPort(host, port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, AddressesDeleter> addresses(found);
  if (error != 0) return base::Unavailable("dial tcp: lookup {}: {}", host, ::gai_strerror(error));
  base::Error last = base::Unavailable("dial tcp: lookup {}: no address", host);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    auto fd = ConnectTo(*address, name, deadline);
    if (fd.ok()) return fd;
    last = fd.error();
  }
  return last;
}

Answer ProbeTcp(const std::string& host, uint16_t port, std::chrono::milliseconds timeout) {
  const auto connected = Connect(host, port, timeout);
  if (!connected.ok()) return {Outcome::kFailure, connected.error().message()};
  return {Outcome::kSuccess, ""};
}

}  // namespace keelson::probe
