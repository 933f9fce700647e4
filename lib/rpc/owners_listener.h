// SPDX-License-Identifier: Apache-2.0
// A unix socket (0600) of which a gRPC server gets only connections of root and of its own user:
// the library neither chooses the mode of a socket that it makes nor asks who is at the other end.
// Make it before the server is built, Begin() after, and destroy it before the server is shut down.
// A thread of its own. Source: unix(7), SO_PEERCRED.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/os/acceptor.h"

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
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> server_;
  std::string path_;
  std::unique_ptr<os::Acceptor> acceptor_;
};

}  // namespace keelson::rpc
