// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/http/server/connection.h"
#include "lib/os/socket.h"

namespace keelson::http {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Result<Address> AddressOf(const std::string& endpoint, bool anywhere) {
  const size_t colon = endpoint.rfind(':');
  const std::optional<uint64_t> port =
      colon == std::string::npos ? std::nullopt
                                 : base::ParseUint64(std::string_view(endpoint).substr(colon + 1));
  std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  Address address{};
  if (port && *port <= 65535) {
    const in_port_t network_port = htons(static_cast<uint16_t>(*port));
    if (inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
      if (!anywhere && ntohl(address.v4.sin_addr.s_addr) >> 24 != 127)
        return base::InvalidArgument("'{}' is not a loopback address", host);
      address.v4.sin_family = AF_INET;
      address.v4.sin_port = network_port;
      return address;
    }
    if (inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1) {
      if (!anywhere && !IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr))
        return base::InvalidArgument("'{}' is not a loopback address", host);
      address.v6.sin6_family = AF_INET6;
      address.v6.sin6_port = network_port;
      return address;
    }
  }
  return base::InvalidArgument("'{}' is neither a socket's path nor like 127.0.0.1:10248",
                               endpoint);
}

Result<UniqueFd> ListenTcp(Address& address, const std::string& endpoint) {
  const socklen_t size = address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
  UniqueFd fd(socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::FromErrno(errno, "socket");
  const int on = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return Error::FromErrno(errno, "SO_REUSEADDR");
  if (bind(fd.get(), &address.any, size) != 0) return Error::FromErrno(errno, "bind {}", endpoint);
  if (listen(fd.get(), 128) != 0) return Error::FromErrno(errno, "listen on {}", endpoint);
  socklen_t actual = sizeof address;
  if (getsockname(fd.get(), &address.any, &actual) != 0)
    return Error::FromErrno(errno, "getsockname");
  return fd;
}

}  // namespace

struct Server::Endpoint {
  UniqueFd listener;
  std::string path;  // of a unix socket
  Handler handler;
  const ServerOptions& options;
  int stop_fd;
  std::mutex mutex = {};
  std::condition_variable ended = {};
  size_t connections = 0;  // guarded by mutex
  std::thread acceptor = {};

  bool Crowded() {
    const std::lock_guard lock(mutex);
    return connections > options.max_connections / 2;
  }

  void Take(UniqueFd socket) {
    {
      const std::lock_guard lock(mutex);
      if (connections >= options.max_connections) {
        Refuse(std::move(socket));
        return;
      }
      ++connections;
    }
    const int fd = socket.release();
    try {
      // Detached, but counted: Stop() waits for every one of them.
      std::thread([this, fd] {
        ServeConnection(UniqueFd(fd), stop_fd, options, handler, [this] { return Crowded(); });
        const std::lock_guard lock(mutex);
        --connections;
        ended.notify_all();
      }).detach();
    } catch (const std::system_error&) {
      Refuse(UniqueFd(fd));
      const std::lock_guard lock(mutex);
      --connections;
    }
  }

  void Accept() {
    while (true) {
      pollfd fds[] = {{listener.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
      if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
      if (fds[1].revents != 0) return;
      if ((fds[0].revents & POLLIN) == 0) continue;
      Result<UniqueFd> socket = os::Accept(listener.get());
      if (socket.ok()) {
        Take(std::move(socket).value());
        continue;
      }
      if (socket.error().os_errno() == EAGAIN) continue;  // the client has gone again
      base::LogWarn("accepting a connection failed, trying again in a second",
                    {{"error", socket.error()}});
      pollfd stop = {stop_fd, POLLIN, 0};
      (void)poll(&stop, 1, 1000);  // out of descriptors: do not spin
    }
  }

  void Stop() {
    acceptor.join();
    std::unique_lock lock(mutex);
    ended.wait(lock, [this] { return connections == 0; });
    if (!path.empty()) unlink(path.c_str());
  }
};

Server::Server(ServerOptions options) : options_(options), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  KEELSON_CHECK(stop_fd_ >= 0);
}

Server::~Server() {
  const uint64_t one = 1;
  KEELSON_CHECK(write(stop_fd_, &one, sizeof one) == sizeof one);
  for (const auto& endpoint : endpoints_) endpoint->Stop();
  endpoints_.clear();
  close(stop_fd_);
}

Result<int> Server::Listen(const std::string& endpoint, Handler handler) {
  const std::string path = endpoint.starts_with("unix://") ? endpoint.substr(7)
                           : endpoint.starts_with('/')     ? endpoint
                                                           : "";
  UniqueFd listener;
  int port = 0;
  if (!path.empty()) {
    ASSIGN_OR_RETURN(listener, os::ListenUnix(path, SOCK_STREAM));
  } else {
    ASSIGN_OR_RETURN(Address address, AddressOf(endpoint, options_.anywhere));
    ASSIGN_OR_RETURN(listener, ListenTcp(address, endpoint));
    port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
  }
  // A client that goes between poll(2) and accept(2) must not hold the thread up.
  if (fcntl(listener.get(), F_SETFL, O_NONBLOCK) != 0) return Error::FromErrno(errno, "fcntl");
  endpoints_.push_back(std::unique_ptr<Endpoint>(
      new Endpoint{std::move(listener), path, std::move(handler), options_, stop_fd_}));
  Endpoint* added = endpoints_.back().get();
  added->acceptor = std::thread([added] { added->Accept(); });
  return port;
}

}  // namespace keelson::http
