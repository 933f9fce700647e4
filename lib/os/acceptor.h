// SPDX-License-Identifier: Apache-2.0
// Owns a listening socket and the thread that accepts on it; the destructor ends the thread and
// closes the socket. Any thread may make and destroy it. Source: accept(2), unix(7).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/os/listen.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

class Acceptor {
 public:
  // `name`: of the socket, in warnings.
  static base::Result<std::unique_ptr<Acceptor>> Create(UniqueFd listener, std::string name);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // On the thread; the socket does not block. Of a unix socket only root's and this process's
  // user's connections come (IsOwner). What cannot be accepted is a warning, without descriptors
  // one a second.
  using Take = std::function<void(UniqueFd socket, const SocketAddress& from)>;
  void Start(Take take);
  int fd() const { return listener_.get(); }

 private:
  Acceptor() = default;
  void Run();

  std::string name_;
  UniqueFd listener_, stop_;
  Take take_;
  std::thread thread_;
};

}  // namespace keelson::os
