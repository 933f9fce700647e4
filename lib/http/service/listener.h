// SPDX-License-Identifier: Apache-2.0
// A listening socket and the thread that accepts on it. The destructor ends the thread. Private to
// this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::service {

class Listener {
 public:
  // `plain`: unix sockets and loopback only, as there is no TLS.
  static base::Result<std::unique_ptr<Listener>> Open(const std::string& endpoint, bool plain);
  ~Listener();

  int port() const { return port_; }
  void Start(std::function<void(os::UniqueFd socket, std::string remote)> taker);

 private:
  Listener() = default;
  void Run();

  os::UniqueFd listener_;
  os::UniqueFd stop_;
  std::string path_;  // of a unix socket
  int port_ = 0;
  std::function<void(os::UniqueFd, std::string)> taker_;
  std::thread thread_;
};

}  // namespace keelson::service
