// SPDX-License-Identifier: Apache-2.0
// Connections to TCP servers by name: its addresses, and sockets connected to one after the other
// without waiting. ResolveTcp blocks, any thread; a Dial belongs to one. Source: getaddrinfo(3),
// connect(2).
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

struct TcpAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  std::string host;  // "10.0.0.1"
  std::string text;  // "10.0.0.1:6443", "[::1]:6443"
};
// Unavailable when there is no such name.
base::Result<std::vector<TcpAddress>> ResolveTcp(const std::string& host, int port);

class Dial {
 public:
  Dial() = default;
  explicit Dial(std::vector<TcpAddress> addresses) : addresses_(std::move(addresses)) {}

  // Begins with the next address that can be begun with: a socket that becomes writable when it is
  // decided. -1: no address is left. What was begun before is closed.
  int Next();
  // Of a socket that has become writable. False: where() refused, see error().
  bool Connected();
  UniqueFd Take() { return std::move(socket_); }
  void Close() { socket_.reset(); }

  const std::string& where() const { return where_; }  // last tried, as text; empty: none
  int error() const { return error_; }                 // errno of the last that failed

 private:
  std::vector<TcpAddress> addresses_;
  size_t next_ = 0;
  UniqueFd socket_;
  std::string where_;
  int error_ = 0;
};

}  // namespace keelson::os
