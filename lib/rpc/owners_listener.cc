// SPDX-License-Identifier: Apache-2.0
#include "lib/rpc/owners_listener.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/socket.h"

namespace keelson::rpc {

using Server = grpc::experimental::ExternalConnectionAcceptor;

OwnersListener::OwnersListener(grpc::ServerBuilder& builder)
    : server_(builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          grpc::InsecureServerCredentials())) {}

OwnersListener::~OwnersListener() {
  if (!acceptor_) return;
  acceptor_.reset();
  unlink(path_.c_str());
}

base::Status OwnersListener::Begin(const std::string& path) {
  path_ = path;
  ASSIGN_OR_RETURN(os::UniqueFd listener, os::ListenUnix(path, SOCK_STREAM));
  ASSIGN_OR_RETURN(acceptor_, os::Acceptor::Create(std::move(listener), path));
  // By number: while the acceptor is being destroyed, its thread may have one more connection.
  acceptor_->Start(
      [this, listening = acceptor_->fd()](os::UniqueFd socket, const os::SocketAddress&) {
        Server::NewConnectionParameters connection;
        connection.listener_fd = listening;
        connection.fd = socket.release();
        server_->HandleNewConnection(&connection);
      });
  return base::Ok();
}

}  // namespace keelson::rpc
