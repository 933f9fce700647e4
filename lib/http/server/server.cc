// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "lib/base/log.h"
#include "lib/http/server/connection.h"
#include "lib/os/acceptor.h"
#include "lib/os/listen.h"
#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::http {

using base::Result;
using os::UniqueFd;

struct Server::Endpoint {
  std::string path;  // of a unix socket
  Handler handler;
  const ServerOptions& options;
  int stop_fd;
  std::mutex mutex = {};
  std::condition_variable ended = {};
  size_t connections = 0;  // guarded by mutex
  std::unique_ptr<os::Acceptor> acceptor = nullptr;

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

  void Stop() {
    acceptor.reset();
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
    ASSIGN_OR_RETURN(os::TcpListener made, os::ListenTcp(endpoint, !options_.anywhere, 128));
    listener = std::move(made.socket);
    port = made.port;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<os::Acceptor> acceptor,
                   os::Acceptor::Create(std::move(listener), endpoint));
  endpoints_.push_back(
      std::unique_ptr<Endpoint>(new Endpoint{path, std::move(handler), options_, stop_fd_}));
  Endpoint* added = endpoints_.back().get();
  added->acceptor = std::move(acceptor);
  added->acceptor->Start([added](UniqueFd socket, const os::SocketAddress&) {
    // Its thread waits in reading and writing.
    if (os::SetNonBlocking(socket.get(), false).ok()) added->Take(std::move(socket));
  });
  return port;
}

}  // namespace keelson::http
