// SPDX-License-Identifier: Apache-2.0
// A unix socket (0600) of which a gRPC server gets only connections of root and of its own user:
// the library neither chooses the mode of a socket that it makes nor asks who is at the other end.
// Make it before the server is built, Begin() after, and destroy it before the server is shut down.
// A thread of its own. Source: unix(7), SO_PEERCRED.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace grpc {
class ServerBuilder;
namespace experimental {
class ExternalConnectionAcceptor;
}
}  // namespace grpc

namespace keelson::rpc {

class OwnersListener {
 public:
  explicit OwnersListener(grpc::ServerBuilder& builder);
  ~OwnersListener();
  OwnersListener(const OwnersListener&) = delete;
  OwnersListener& operator=(const OwnersListener&) = delete;
  // A stale socket is replaced; the file goes with this object.
  base::Status Begin(const std::string& path);

 private:
  void Run();

  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::string path_;
  os::UniqueFd listener_, stop_;
  std::thread thread_;
};

}  // namespace keelson::rpc
