// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/listener.h"

#include <sys/socket.h>

#include <cerrno>

#include "lib/base/ip_address.h"
#include "lib/os/socket_address.h"

namespace keelson::stream {

base::Result<Listener> ListenTcp(const std::string& address, uint16_t port) {
  const std::optional<base::IpAddress> wanted = base::IpAddress::Parse(address);
  if (!wanted) return base::InvalidArgument("streaming address '{}' is not an IP address", address);
  if (wanted->IsUnspecified())
    return base::InvalidArgument("streaming address '{}' stands for every address: name one",
                                 address);
  os::SocketAddress where = os::SocketAddress::Of(*wanted, port);
  Listener listener;
  listener.fd =
      os::UniqueFd(socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd) return base::Error::FromErrno(errno, "socket");
  const int on = 1;
  (void)setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.fd.get(), &where.any, where.size()) != 0)
    return base::Error::FromErrno(errno, "bind streaming address {} port {}", address, port);
  if (listen(listener.fd.get(), 256) != 0) return base::Error::FromErrno(errno, "listen");
  socklen_t size = sizeof where;
  if (getsockname(listener.fd.get(), &where.any, &size) != 0)
    return base::Error::FromErrno(errno, "getsockname");
  listener.host = base::Endpoint(address, where.port());
  return listener;
}

}  // namespace keelson::stream
