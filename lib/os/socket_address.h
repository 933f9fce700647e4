// SPDX-License-Identifier: Apache-2.0
// An address and a port, as text and as the kernel takes them. Pure, any thread. Source: ip(7),
// ipv6(7).
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/ip_address.h"

namespace keelson::os {

union SocketAddress {
  sockaddr any;  // AF_UNIX, AF_INET or AF_INET6
  sockaddr_in v4;
  sockaddr_in6 v6{};

  static SocketAddress Of(const base::IpAddress& address, uint16_t port);
  // As base::Endpoint writes it; brackets may be left out.
  static std::optional<SocketAddress> Parse(std::string_view endpoint);

  socklen_t size() const;
  std::optional<base::IpAddress> address() const;  // nothing: of neither family
  uint16_t port() const;
};

}  // namespace keelson::os
