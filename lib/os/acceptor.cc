// SPDX-License-Identifier: Apache-2.0
#include "lib/os/acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/log.h"
#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::os {

using base::Error;
using base::Result;

Result<std::unique_ptr<Acceptor>> Acceptor::Create(UniqueFd listener, std::string name) {
  std::unique_ptr<Acceptor> made(new Acceptor);
  made->name_ = std::move(name);
  made->listener_ = std::move(listener);
  made->stop_.reset(eventfd(0, EFD_CLOEXEC));
  if (!made->stop_) return Error::FromErrno(errno, "eventfd");
  // A client that goes between poll(2) and accept(2) must not hold the thread up.
  RETURN_IF_ERROR(SetNonBlocking(made->listener_.get(), true));
  return made;
}

void Acceptor::Start(Take take) {
  take_ = std::move(take);
  thread_ = std::thread([this] { Run(); });
}

Acceptor::~Acceptor() {
  const uint64_t one = 1;
  if (stop_) (void)!write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

void Acceptor::Run() {
  while (true) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    SocketAddress from{};
    socklen_t size = sizeof from;
    UniqueFd socket(accept4(listener_.get(), &from.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == EAGAIN || errno == ECONNABORTED) continue;
      base::LogWarn("accepting a connection failed, trying again in a second",
                    {{"socket", name_}, {"error", Error::FromErrno(errno, "accept")}});
      pollfd stop = {stop_.get(), POLLIN, 0};
      (void)poll(&stop, 1, 1000);  // out of descriptors: do not spin
    } else if (from.any.sa_family == AF_UNIX && !IsOwner(socket.get())) {
      base::LogWarn("a process of another user that is not root connected and was refused",
                    {{"socket", name_}});
    } else {
      take_(std::move(socket), from);
    }
  }
}

}  // namespace keelson::os
