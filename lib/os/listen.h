// SPDX-License-Identifier: Apache-2.0
// A TCP socket that listens on an address given as text. Any thread. Source: ip(7), ipv6(7).
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/os/socket_address.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

struct TcpListener {
  UniqueFd socket;
  int port = 0;
};

// A base::Endpoint (of "[::]" IPv4 too where the machine has both). InvalidArgument for anything
// else, and for addresses that are not this machine's alone where `loopback_only`.
base::Result<TcpListener> ListenTcp(const std::string& endpoint, bool loopback_only, int backlog);

}  // namespace keelson::os
