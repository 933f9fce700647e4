// SPDX-License-Identifier: Apache-2.0
// The daemon's end of the socket to one keelson-stream. Send() never waits, so that a program that
// hangs stops nobody: what does not fit is kept, in order, for the one thread that runs Wait(),
// Receive() and Flush(); a program that takes nothing for ten seconds is given up.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

constexpr std::chrono::seconds kStuckTime{10};

class Link {
 public:
  // `fd`: a SOCK_SEQPACKET socket.
  static base::Result<std::shared_ptr<Link>> Create(os::UniqueFd fd, const base::Clock& clock);

  void Send(Type type, uint64_t session, std::string_view payload,
            const std::vector<int>& fds = {});  // any thread; the descriptors stay the caller's
  void Break();                                 // any thread; both ends see the end of it

  // Waits for a packet, for room to send, for `stop_fd` or for so long. Only a packet is true.
  bool Wait(int stop_fd, std::chrono::milliseconds time);
  // Unavailable with EAGAIN: there was none.
  base::Result<Packet> Receive();
  void Flush();

 private:
  struct Waiting {
    std::string bytes;
    std::vector<os::UniqueFd> fds;
  };
  Link(os::UniqueFd fd, os::UniqueFd wake, const base::Clock& clock)
      : fd_(std::move(fd)), wake_(std::move(wake)), clock_(clock) {}

  os::UniqueFd fd_;    // open until the last user is gone, so that its number is not another's
  os::UniqueFd wake_;  // something waits that did not before
  const base::Clock& clock_;
  std::mutex mutex_;
  std::deque<Waiting> queue_;  // guarded by mutex_
  base::SteadyTime moved_;     // guarded by mutex_: when the front of the queue became it
  bool broken_ = false;        // guarded by mutex_
};

}  // namespace keelson::stream
