// SPDX-License-Identifier: Apache-2.0
// Copies from a descriptor to a lane, only ever as much as the client has room for: the rest stays
// in the pipe and makes the container wait. One thread; `on_end` may not destroy the source.
#pragma once

#include <functional>

#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"
#include "runtime/stream/session/wire.h"

namespace keelson::stream {

class Source {
 public:
  // The descriptor is non-blocking. `on_end`: its end, once; nothing is sent to the lane about it.
  Source(os::EventLoop& loop, os::UniqueFd fd, Wire& wire, Lane lane, std::function<void()> on_end);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void OnRoom();
  void Discard();  // the client does not want it: read on, into nothing
  bool ended() const { return !fd_.valid(); }
  bool waits_for_room() const { return !ended() && watch_ == 0; }
  uint64_t bytes() const { return bytes_; }
  void End();  // as if its end had come

 private:
  void Watch();
  void Unwatch();
  void OnReadable();

  os::EventLoop& loop_;
  os::UniqueFd fd_;
  Wire& wire_;
  const Lane lane_;
  std::function<void()> on_end_;
  os::EventLoop::WatchId watch_ = 0;
  uint64_t bytes_ = 0;
  bool discard_ = false;
};

}  // namespace keelson::stream
