// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/sink.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace keelson::stream {

Sink::Sink(os::EventLoop& loop, std::function<void(size_t)> on_taken)
    : loop_(loop), on_taken_(std::move(on_taken)) {}

Sink::~Sink() {
  if (watch_ != 0) loop_.Unwatch(watch_);
}

void Sink::Open(os::UniqueFd fd, bool half_close) {
  if (state_ != State::kWaiting) return;
  state_ = State::kOpen;
  fd_ = std::move(fd);
  half_close_ = half_close;
  Write();
}

void Sink::Push(std::string_view bytes) {
  if (bytes.empty()) return;
  if (state_ == State::kEnded || finishing_) return on_taken_(bytes.size());
  // Straight away what it takes, without a copy.
  if (state_ == State::kOpen && watch_ == 0 && pending() == 0) {
    const ssize_t n = write(fd_.get(), bytes.data(), bytes.size());
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
      on_taken_(static_cast<size_t>(n));
      if (bytes.empty()) return;
      if (state_ == State::kEnded) return on_taken_(bytes.size());
    }
  }
  pending_ += bytes;
  if (state_ == State::kOpen && watch_ == 0) Write();
}

void Sink::Finish() {
  if (finishing_) return;
  finishing_ = true;
  if (state_ == State::kOpen && pending() == 0) End();
}

void Sink::Drop() {
  if (state_ != State::kEnded) End();
}

void Sink::Taken(size_t bytes) {
  sent_ += bytes;
  if (sent_ == pending_.size()) {
    pending_.clear();
    sent_ = 0;
  } else if (sent_ > (64u << 10)) {
    pending_.erase(0, sent_);
    sent_ = 0;
  }
  on_taken_(bytes);
}

void Sink::Write() {
  while (pending() > 0) {
    const ssize_t n = write(fd_.get(), pending_.data() + sent_, pending());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return End();  // nobody reads there any more
    Taken(static_cast<size_t>(n));
    if (state_ == State::kEnded) return;
  }
  if (pending() == 0) {
    if (watch_ != 0) loop_.Unwatch(std::exchange(watch_, 0));
    if (finishing_) End();
    return;
  }
  if (watch_ != 0) return;
  base::Result<os::EventLoop::WatchId> watch =
      loop_.Watch(fd_.get(), EPOLLOUT, [this](uint32_t) { Write(); });
  if (!watch.ok()) return End();
  watch_ = *watch;
}

void Sink::End() {
  state_ = State::kEnded;
  if (watch_ != 0) loop_.Unwatch(std::exchange(watch_, 0));
  if (half_close_ && fd_.valid()) (void)shutdown(fd_.get(), SHUT_WR);
  fd_.reset();
  const size_t rest = pending();
  pending_.clear();
  sent_ = 0;
  if (rest > 0) on_taken_(rest);
}

}  // namespace keelson::stream
