// SPDX-License-Identifier: Apache-2.0
#include "lib/os/socket_address.h"

#include <sys/socket.h>

#include <cstring>

#include "lib/base/strings.h"

namespace keelson::os {

using base::IpAddress;

SocketAddress SocketAddress::Of(const IpAddress& address, uint16_t port) {
  SocketAddress out;
  if (address.v6) {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(port);
    std::memcpy(&out.v6.sin6_addr, address.bytes.data(), address.size());
  } else {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(port);
    std::memcpy(&out.v4.sin_addr, address.bytes.data(), address.size());
  }
  return out;
}

std::optional<SocketAddress> SocketAddress::Parse(std::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::Parse(host);
  const auto port = base::ParseUint64(endpoint.substr(colon + 1));
  if (!address || !port || *port > 65535) return std::nullopt;
  return Of(*address, static_cast<uint16_t>(*port));
}

socklen_t SocketAddress::size() const {
  if (any.sa_family == AF_INET) return sizeof v4;
  return sizeof v6;
}

std::optional<IpAddress> SocketAddress::address() const {
  if (any.sa_family == AF_INET)
    return IpAddress::FromBytes({reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr});
  if (any.sa_family == AF_INET6)
    return IpAddress::FromBytes(
        {reinterpret_cast<const char*>(&v6.sin6_addr), sizeof v6.sin6_addr});
  return std::nullopt;
}

uint16_t SocketAddress::port() const {
  return ntohs(any.sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

}  // namespace keelson::os
