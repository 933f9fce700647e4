// SPDX-License-Identifier: Apache-2.0
// Where a server listens: a unix socket's file, or a TCP port whose connections are tuned. The
// destructor ends its thread. Private to this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/os/acceptor.h"

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

  std::string path_;  // of a unix socket
  int port_ = 0;
  std::unique_ptr<os::Acceptor> acceptor_;
};

}  // namespace keelson::service
