// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/server.h"

#include "kubelet/server/routes.h"

namespace keelson::server {

using base::Result;

Result<std::unique_ptr<Server>> Server::Listen(const std::string& socket_endpoint, NodeView& view) {
  if (!socket_endpoint.starts_with("unix://") && !socket_endpoint.starts_with('/')) {
    return base::InvalidArgument(
        "'{}' is not a unix socket: every path is served to its owner alone", socket_endpoint);
  }
  auto server = std::unique_ptr<Server>(new Server(view));
  ASSIGN_OR_RETURN([[maybe_unused]] const int port,
                   server->http_.Listen(socket_endpoint, NodeRoutes(view, server->clock_)));
  return server;
}

Result<int> Server::ListenHealth(const std::string& loopback_endpoint) {
  return http_.Listen(loopback_endpoint, HealthRoutes(view_));
}

}  // namespace keelson::server
