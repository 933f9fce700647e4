// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/ip_address.h"
#include "lib/os/listen.h"
#include "lib/os/socket.h"

namespace keelson::service {

using base::Result;
using os::UniqueFd;

namespace {

std::string Text(const os::SocketAddress& address) {
  const std::optional<base::IpAddress> ip = address.address();
  // IPv4 clients of a socket for both are told as such.
  return ip ? base::Endpoint(ip->Unmapped().Text(), address.port()) : "unix";
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
  UniqueFd socket;
  if (plain && (endpoint.starts_with("unix://") || endpoint.starts_with('/'))) {
    made->path_ = endpoint.starts_with('/') ? endpoint : endpoint.substr(7);
    ASSIGN_OR_RETURN(socket, os::ListenUnix(made->path_, SOCK_STREAM));
  } else {
    ASSIGN_OR_RETURN(os::TcpListener listening, os::ListenTcp(endpoint, plain, 1024));
    socket = std::move(listening.socket);
    made->port_ = listening.port;
  }
  ASSIGN_OR_RETURN(made->acceptor_, os::Acceptor::Create(std::move(socket), endpoint));
  return made;
}

void Listener::Start(std::function<void(UniqueFd, std::string)> taker) {
  acceptor_->Start([taker = std::move(taker)](UniqueFd socket, const os::SocketAddress& from) {
    const std::string remote = Text(from);
    if (remote != "unix") TuneTcp(socket.get());
    taker(std::move(socket), remote);
  });
}

Listener::~Listener() {
  acceptor_.reset();
  if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace keelson::service
