// SPDX-License-Identifier: Apache-2.0
// keelson-stream's end of the socket to the daemon: packets go out in order without waiting, what
// comes in is handed on. The end of it is the end of the process. One thread.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

class DaemonLink {
 public:
  DaemonLink(os::EventLoop& loop, os::UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {}
  ~DaemonLink();
  base::Status Start(std::function<void(Packet)> on_packet, std::function<void()> on_end);
  void Send(Type type, uint64_t session, std::string_view payload = {});

 private:
  void OnReady(uint32_t events);
  void Flush();

  os::EventLoop& loop_;
  os::UniqueFd socket_;
  std::function<void(Packet)> on_packet_;
  std::function<void()> on_end_;
  os::EventLoop::WatchId watch_ = 0;
  bool waits_ = false;
  std::deque<std::string> queue_;  // a few small packets of each session at most
};

}  // namespace keelson::stream
