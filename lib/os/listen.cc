// SPDX-License-Identifier: Apache-2.0
#include "lib/os/listen.h"

#include <sys/socket.h>

#include <cerrno>

namespace keelson::os {

using base::Error;
using base::Result;

Result<TcpListener> ListenTcp(const std::string& endpoint, bool loopback_only, int backlog) {
  std::optional<SocketAddress> where = SocketAddress::Parse(endpoint);
  if (!where) return base::InvalidArgument("'{}' is not like 127.0.0.1:6443", endpoint);
  if (const base::IpAddress address = *where->address(); loopback_only && !address.IsLoopback())
    return base::InvalidArgument("'{}' is not a loopback address", address.Text());
  TcpListener made;
  made.socket.reset(socket(where->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made.socket) return Error::FromErrno(errno, "socket");
  const int fd = made.socket.get(), on = 1, off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return Error::FromErrno(errno, "SO_REUSEADDR");
  if (where->any.sa_family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, &where->any, where->size()) != 0)
    return Error::FromErrno(errno, "bind {}", endpoint);
  if (listen(fd, backlog) != 0) return Error::FromErrno(errno, "listen on {}", endpoint);
  socklen_t actual = sizeof *where;
  if (getsockname(fd, &where->any, &actual) != 0) return Error::FromErrno(errno, "getsockname");
  made.port = where->port();
  return made;
}

}  // namespace keelson::os
