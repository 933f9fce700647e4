// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/listen.h"
#include "lib/os/socket.h"

namespace keelson::service {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

std::string Text(const Address& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(address.v4.sin_port));
  }
  if (address.any.sa_family != AF_INET6) return "unix";
  inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
  // IPv4 clients of a socket for both.
  if (IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr))
    return fmt::format("{}:{}", std::string_view(host).substr(7), ntohs(address.v6.sin6_port));
  return fmt::format("[{}]:{}", host, ntohs(address.v6.sin6_port));
}

void SetOption(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

// A machine that vanished without a word is noticed within about a minute.
void TuneTcp(int fd) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(const std::string& endpoint, bool plain) {
  std::unique_ptr<Listener> made(new Listener);
  made->stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!made->stop_) return Error::FromErrno(errno, "eventfd");
  if (plain && (endpoint.starts_with("unix://") || endpoint.starts_with('/'))) {
    made->path_ = endpoint.starts_with('/') ? endpoint : endpoint.substr(7);
    ASSIGN_OR_RETURN(made->listener_, os::ListenUnix(made->path_, SOCK_STREAM));
    return made;
  }
  ASSIGN_OR_RETURN(os::TcpListener listening, os::ListenTcp(endpoint, plain, 1024));
  made->listener_ = std::move(listening.socket);
  made->port_ = listening.port;
  return made;
}

void Listener::Start(std::function<void(UniqueFd, std::string)> taker) {
  taker_ = std::move(taker);
  thread_ = std::thread([this] { Run(); });
}

Listener::~Listener() {
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  if (!path_.empty()) unlink(path_.c_str());
}

void Listener::Run() {
  while (true) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    Address address{};
    socklen_t size = sizeof address;
    UniqueFd socket(accept4(listener_.get(), &address.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket && !path_.empty() && !os::IsOwner(socket.get())) continue;
    if (socket) {
      if (path_.empty()) TuneTcp(socket.get());
      taker_(std::move(socket), path_.empty() ? Text(address) : "unix");
    } else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) {
      base::LogWarn("accepting a connection failed, trying again in a second",
                    {{"error", Error::FromErrno(errno, "accept")}});
      pollfd stop = {stop_.get(), POLLIN, 0};
      (void)poll(&stop, 1, 1000);  // out of descriptors: do not spin
    }
  }
}

}  // namespace keelson::service
