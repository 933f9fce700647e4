// SPDX-License-Identifier: Apache-2.0
#include "lib/os/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>

#include "lib/base/strings.h"

namespace keelson::os {

using base::Error;
using base::Result;

namespace {

Result<SocketAddress> ParseAddress(const std::string& endpoint, bool loopback_only) {
  const size_t colon = endpoint.rfind(':');
  const std::optional<uint64_t> port =
      colon == std::string::npos ? std::nullopt
                                 : base::ParseUint64(std::string_view(endpoint).substr(colon + 1));
  std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  SocketAddress address{};
  if (!port || *port > 65535)
    return base::InvalidArgument("'{}' is not like 127.0.0.1:6443", endpoint);
  const in_port_t network_port = htons(static_cast<uint16_t>(*port));
  bool loopback = false;
  if (inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
    loopback = ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = network_port;
  } else if (inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1) {
    loopback = IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = network_port;
  } else {
    return base::InvalidArgument("'{}' is not like 127.0.0.1:6443", endpoint);
  }
  if (loopback_only && !loopback)
    return base::InvalidArgument("'{}' is not a loopback address", host);
  return address;
}

}  // namespace

std::string Endpoint(const std::string& address, int64_t port) {
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" +
         std::to_string(port);
}

Result<TcpListener> ListenTcp(const std::string& endpoint, bool loopback_only, int backlog) {
  ASSIGN_OR_RETURN(SocketAddress address, ParseAddress(endpoint, loopback_only));
  const bool v4 = address.any.sa_family == AF_INET;
  TcpListener made;
  made.socket.reset(socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made.socket) return Error::FromErrno(errno, "socket");
  const int fd = made.socket.get(), on = 1, off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return Error::FromErrno(errno, "SO_REUSEADDR");
  if (!v4) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, &address.any, v4 ? sizeof address.v4 : sizeof address.v6) != 0)
    return Error::FromErrno(errno, "bind {}", endpoint);
  if (listen(fd, backlog) != 0) return Error::FromErrno(errno, "listen on {}", endpoint);
  socklen_t actual = sizeof address;
  if (getsockname(fd, &address.any, &actual) != 0) return Error::FromErrno(errno, "getsockname");
  made.port = ntohs(v4 ? address.v4.sin_port : address.v6.sin6_port);
  return made;
}

}  // namespace keelson::os
