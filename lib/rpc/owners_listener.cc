// SPDX-License-Identifier: Apache-2.0
#include "lib/rpc/owners_listener.h"

#include <fcntl.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::rpc {

using base::Error;
using base::Status;
using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

OwnersListener::OwnersListener(grpc::ServerBuilder& builder)
    : acceptor_(builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          grpc::InsecureServerCredentials())) {}

OwnersListener::~OwnersListener() {
  const uint64_t one = 1;
  if (stop_) (void)!write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  if (listener_) unlink(path_.c_str());
}

Status OwnersListener::Begin(const std::string& path) {
  path_ = path;
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!stop_) return Error::FromErrno(errno, "eventfd");
  ASSIGN_OR_RETURN(listener_, os::ListenUnix(path, SOCK_STREAM));
  // A client that goes between poll(2) and accept(2) must not hold the thread up.
  RETURN_IF_ERROR(os::SetNonBlocking(listener_.get(), true));
  thread_ = std::thread([this] { Run(); });
  return base::Ok();
}

void OwnersListener::Run() {
  while (true) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    base::Result<os::UniqueFd> socket = os::AcceptOwner(listener_.get());
    if (socket.ok() && os::SetNonBlocking(socket->get(), true).ok()) {
      Acceptor::NewConnectionParameters connection;
      connection.listener_fd = listener_.get();
      connection.fd = socket->release();
      acceptor_->HandleNewConnection(&connection);
      continue;
    }
    if (socket.ok() || socket.error().os_errno() == EAGAIN) continue;  // the client has gone again
    base::LogWarn("a connection was not taken", {{"socket", path_}, {"error", socket.error()}});
    if (socket.error().code() == base::Code::kPermissionDenied) continue;
    pollfd stop = {stop_.get(), POLLIN, 0};
    (void)poll(&stop, 1, 1000);  // out of descriptors: do not spin
  }
}

}  // namespace keelson::rpc
