// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/link.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "lib/base/log.h"

namespace keelson::stream {

base::Result<std::shared_ptr<Link>> Link::Create(os::UniqueFd fd) {
  const struct timeval wait{.tv_sec = 10, .tv_usec = 0};
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
    return base::Error::FromErrno(errno, "SO_SNDTIMEO");
  return std::shared_ptr<Link>(new Link(std::move(fd)));
}

void Link::Send(Type type, uint64_t session, std::string_view payload,
                const std::vector<int>& fds) {
  const base::Status sent = os::SendMessage(fd_.get(), FormatPacket(type, session, payload), fds);
  if (sent.ok()) return;
  base::LogDebug("keelson-stream is not told", {{"error", sent.error()}});
  Break();
}

base::Result<Packet> Link::Receive() {
  ASSIGN_OR_RETURN(os::Message message, os::ReceiveMessage(fd_.get()));
  return ParsePacket(std::move(message));
}

void Link::Break() { (void)shutdown(fd_.get(), SHUT_RDWR); }

}  // namespace keelson::stream
