// SPDX-License-Identifier: Apache-2.0
// Copies what a client sends into a descriptor, and keeps what the descriptor does not take yet:
// the owner stops listening to the client while that is much. Bytes pushed before Open() wait. One
// thread; callbacks may not destroy the sink.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"

namespace keelson::stream {

class Sink {
 public:
  // `on_taken`: so many bytes are out of the way, written or, after an error, dropped.
  Sink(os::EventLoop& loop, std::function<void(size_t)> on_taken);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // The descriptor is non-blocking. `half_close`: at the end of the client's bytes the sending
  // direction of a socket ends; else the descriptor is closed, which is a pipe's way to say it.
  void Open(os::UniqueFd fd, bool half_close);
  void Push(std::string_view bytes);
  void Finish();  // after what was pushed
  void Drop();    // at once: whatever comes is thrown away
  size_t pending() const { return pending_.size() - sent_; }
  bool ended() const { return state_ == State::kEnded; }

 private:
  enum class State { kWaiting, kOpen, kEnded };
  void Write();
  void Taken(size_t bytes);
  void End();

  os::EventLoop& loop_;
  std::function<void(size_t)> on_taken_;
  State state_ = State::kWaiting;
  os::UniqueFd fd_;
  bool half_close_ = false;
  bool finishing_ = false;
  std::string pending_;
  size_t sent_ = 0;
  os::EventLoop::WatchId watch_ = 0;
};

}  // namespace keelson::stream
