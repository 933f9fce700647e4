// SPDX-License-Identifier: Apache-2.0
// The daemon's end of the socket to one keelson-stream. Send() from any thread; it waits for the
// program a few seconds at most, then the link is broken for good. Receive() on one thread.
#pragma once

#include <memory>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

class Link {
 public:
  // `fd`: a blocking SOCK_SEQPACKET socket.
  static base::Result<std::shared_ptr<Link>> Create(os::UniqueFd fd);
  void Send(Type type, uint64_t session, std::string_view payload,
            const std::vector<int>& fds = {});
  base::Result<Packet> Receive();
  int fd() const { return fd_.get(); }
  void Break();  // both ends see the end of it

 private:
  explicit Link(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;  // open until the last user is gone, so that its number is not another's
};

}  // namespace keelson::stream
