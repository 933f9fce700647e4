// SPDX-License-Identifier: Apache-2.0
// A TCP socket that listens on an address given as text. Any thread. Source: ip(7), ipv6(7).
#pragma once

#include <netinet/in.h>

#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

union SocketAddress {
  sockaddr any;  // AF_UNIX, AF_INET or AF_INET6
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct TcpListener {
  UniqueFd socket;
  int port = 0;
};
// How an address and a port are written: "127.0.0.1:6443", "[::]:0".
std::string Endpoint(const std::string& address, int64_t port);

// An Endpoint (of "[::]" IPv4 too where the machine has both). InvalidArgument for anything
// else, and for addresses that are not this machine's alone where `loopback_only`.
base::Result<TcpListener> ListenTcp(const std::string& endpoint, bool loopback_only, int backlog);

}  // namespace keelson::os
