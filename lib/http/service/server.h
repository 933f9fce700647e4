// SPDX-License-Identifier: Apache-2.0
// Listens, and answers on a few event-loop threads; handlers are called on a pool of bounded size
// and may block there. TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1; the same two without TLS on unix
// sockets and loopback. Thread-safe. The destructor stops at once: every stream is told that its
// client is gone, running handlers are waited for. Exchanges may outlive the server.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/http/service/exchange.h"
#include "lib/http/service/options.h"

namespace keelson::service {

class Server {
 public:
  Server(ServerOptions options, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Without TLS: "unix:///run/x.sock", an absolute path (mode 0600), or a loopback "127.0.0.1:0".
  // Serves at once. Returns the port, 0 for unix sockets.
  base::Result<int> ListenPlain(const std::string& endpoint);
  // Without TLS on any address, "0.0.0.0:10255": for what everybody may see.
  base::Result<int> ListenForAnybody(const std::string& endpoint);
  // "0.0.0.0:6443", "[::]:6443", "127.0.0.1:0". SetTls comes first.
  base::Result<int> ListenTls(const std::string& endpoint);
  // For connections from now on; refused material leaves the former in use.
  base::Status SetTls(const TlsMaterial& material);

  // No new connections; what is under way may end within drain_timeout, then is cut off. Blocks
  // until all connections are closed.
  void Stop();

  size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::service
