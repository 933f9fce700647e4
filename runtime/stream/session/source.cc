// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/source.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace keelson::stream {
namespace {

constexpr size_t kPiece = 128u << 10;  // one frame of every protocol

}  // namespace

Source::Source(os::EventLoop& loop, os::UniqueFd fd, Wire& wire, Lane lane,
               std::function<void()> on_end)
    : loop_(loop), fd_(std::move(fd)), wire_(wire), lane_(lane), on_end_(std::move(on_end)) {
  Watch();
}

Source::~Source() { Unwatch(); }

void Source::Watch() {
  if (ended() || watch_ != 0) return;
  base::Result<os::EventLoop::WatchId> watch =
      loop_.Watch(fd_.get(), EPOLLIN, [this](uint32_t) { OnReadable(); });
  if (watch.ok()) {
    watch_ = *watch;
  } else {
    End();
  }
}

void Source::Unwatch() {
  if (watch_ != 0) loop_.Unwatch(std::exchange(watch_, 0));
}

void Source::OnRoom() {
  if (watch_ == 0 && !ended() && wire_.Room(lane_) > 0) Watch();
}

void Source::Discard() {
  discard_ = true;
  Watch();
}

void Source::End() {
  if (ended()) return;
  Unwatch();
  fd_.reset();
  on_end_();
}

void Source::OnReadable() {
  const size_t room = discard_ ? kPiece : std::min(kPiece, wire_.Room(lane_));
  // Not watched at all then: a hang-up would be reported again and again.
  if (room == 0) return Unwatch();
  char piece[kPiece];
  const ssize_t n = read(fd_.get(), piece, room);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return End();  // a terminal whose last user is gone says EIO
  bytes_ += static_cast<uint64_t>(n);
  if (!discard_) wire_.Send(lane_, {piece, static_cast<size_t>(n)});
}

}  // namespace keelson::stream
