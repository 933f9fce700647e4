// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace keelson::stream {
namespace {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } value{};
  socklen_t size = 0;
};

base::Result<Address> Parse(const std::string& text, uint16_t port) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), &address.value.v4.sin_addr) == 1) {
    address.value.v4.sin_family = AF_INET;
    address.value.v4.sin_port = htons(port);
    address.size = sizeof address.value.v4;
    if (address.value.v4.sin_addr.s_addr != htonl(INADDR_ANY)) return address;
  } else if (inet_pton(AF_INET6, text.c_str(), &address.value.v6.sin6_addr) == 1) {
    address.value.v6.sin6_family = AF_INET6;
    address.value.v6.sin6_port = htons(port);
    address.size = sizeof address.value.v6;
    if (std::memcmp(&address.value.v6.sin6_addr, &in6addr_any, sizeof in6addr_any) != 0)
      return address;
  } else {
    return base::InvalidArgument("streaming address '{}' is not an IP address", text);
  }
  return base::InvalidArgument("streaming address '{}' stands for every address: name one", text);
}

}  // namespace

base::Result<Listener> ListenTcp(const std::string& address, uint16_t port) {
  ASSIGN_OR_RETURN(Address parsed, Parse(address, port));
  const int family = parsed.value.any.sa_family;
  Listener listener;
  listener.fd = os::UniqueFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd) return base::Error::FromErrno(errno, "socket");
  const int on = 1;
  (void)setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.fd.get(), &parsed.value.any, parsed.size) != 0)
    return base::Error::FromErrno(errno, "bind streaming address {} port {}", address, port);
  if (listen(listener.fd.get(), 256) != 0) return base::Error::FromErrno(errno, "listen");
  if (getsockname(listener.fd.get(), &parsed.value.any, &parsed.size) != 0)
    return base::Error::FromErrno(errno, "getsockname");
  const uint16_t bound =
      ntohs(family == AF_INET ? parsed.value.v4.sin_port : parsed.value.v6.sin6_port);
  listener.host = family == AF_INET ? fmt::format("{}:{}", address, bound)
                                    : fmt::format("[{}]:{}", address, bound);
  return listener;
}

}  // namespace keelson::stream
