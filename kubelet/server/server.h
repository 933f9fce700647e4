// SPDX-License-Identifier: Apache-2.0
// The kubelet's HTTP server: every path on the owner's unix socket and, when asked for, /healthz on
// a loopback port. Answers come on threads of its own. The view outlives the server; the destructor
// ends every stream and waits for the answers being made.
#pragma once

#include <memory>
#include <string>

#include "kubelet/server/node_view.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/server/server.h"

namespace keelson::server {

class Server {
 public:
  // "unix:///run/keelson/kubelet.sock" or an absolute path.
  static base::Result<std::unique_ptr<Server>> Listen(const std::string& socket_endpoint,
                                                      NodeView& view);

  // "127.0.0.1:10248": health alone, for every local user. The port, of use when ":0" was asked
  // for.
  base::Result<int> ListenHealth(const std::string& loopback_endpoint);

 private:
  explicit Server(NodeView& view) : view_(view) {}

  NodeView& view_;
  const base::SystemClock clock_;
  http::Server http_;  // last: its threads use the rest
};

}  // namespace keelson::server
