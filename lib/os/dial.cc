// SPDX-License-Identifier: Apache-2.0
#include "lib/os/dial.h"

#include <netdb.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "lib/base/ip_address.h"

namespace keelson::os {

base::Result<std::vector<TcpAddress>> ResolveTcp(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int result = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      result != 0)
    return base::Unavailable("look up {}: {}", host, gai_strerror(result));
  std::vector<TcpAddress> out;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    TcpAddress address;
    if (one->ai_addrlen > sizeof address.bytes) continue;
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    char text[NI_MAXHOST] = "";
    (void)getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    address.host = text;
    address.text = base::Endpoint(text, port);
    out.push_back(std::move(address));
  }
  freeaddrinfo(found);
  return out;
}

int Dial::Next() {
  while (next_ < addresses_.size()) {
    const TcpAddress& address = addresses_[next_++];
    where_ = address.text;
    socket_.reset(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket_.valid()) {
      const int one = 1;
      setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) ==
              0 ||
          errno == EINPROGRESS)
        return socket_.get();
    }
    error_ = errno;
  }
  socket_.reset();
  return -1;
}

bool Dial::Connected() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error == 0) return true;
  error_ = error;
  return false;
}

}  // namespace keelson::os
