// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/transport.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "lib/base/log.h"

namespace keelson::stream {
namespace {

constexpr size_t kReadBytes = 128u << 10;
constexpr size_t kLow = 64u << 10;    // on_drained below this, if it was above
constexpr size_t kFull = 512u << 10;  // a client that takes nothing is not listened to either
constexpr std::chrono::seconds kLingerStep{2};
constexpr int kLingerRounds = 15;  // without any progress

}  // namespace

Transport::Transport(os::EventLoop& loop, os::UniqueFd socket, std::shared_ptr<TlsContext> tls,
                     Callbacks callbacks)
    : loop_(loop), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {
  if (tls != nullptr) tls_ = std::make_unique<Tls>(std::move(tls));
}

Transport::~Transport() {
  loop_.CancelTimer(linger_);
  if (watch_ != 0) loop_.Unwatch(watch_);
}

void Transport::Start() {
  events_ = EPOLLIN | EPOLLRDHUP;
  base::Result<os::EventLoop::WatchId> watch =
      loop_.Watch(socket_.get(), events_, [this](uint32_t ready) { OnReady(ready); });
  if (!watch.ok()) return Gone();
  watch_ = *watch;
}

void Transport::Gone() {
  if (gone_) return;
  gone_ = true;
  loop_.CancelTimer(linger_);
  if (watch_ != 0) loop_.Unwatch(std::exchange(watch_, 0));
  socket_.reset();
  callbacks_.on_gone();
}

void Transport::OnReady(uint32_t events) {
  const bool listening = (events_ & EPOLLIN) != 0;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && !listening) return Gone();
  if ((events & EPOLLOUT) != 0) {
    Flush();
    if (peer_ended_ && pending() == 0) return Gone();
    TellDrained();
    if (gone_) return;
  }
  if (listening && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    return OnReadable();
  // Not listened to, and it has left: whoever waits for an answer does not close.
  if (!listening && (events & EPOLLRDHUP) != 0) Gone();
}

void Transport::OnReadable() {
  char piece[kReadBytes];
  const ssize_t n = recv(socket_.get(), piece, sizeof piece, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n == 0 && finishing_ && pending() > 0) {
    peer_ended_ = true;  // it may read on all the same
    return Update();
  }
  if (n <= 0) return Gone();
  moved_ += static_cast<uint64_t>(n);
  const std::string_view bytes(piece, static_cast<size_t>(n));
  if (output_ended_) return;  // dropped
  if (tls_ == nullptr) {
    if (!finishing_) callbacks_.on_bytes(bytes);
    return;
  }
  std::string plain;
  const base::Result<bool> ended = tls_->Feed(bytes, plain);
  if (!plain.empty() && !finishing_) callbacks_.on_bytes(plain);
  if (gone_) return;
  Flush();  // what TLS says by itself
  TellDrained();
  if (gone_) return;
  if (!ended.ok()) base::LogDebug("a client's TLS fails", {{"error", ended.error()}});
  if ((!ended.ok() || *ended) && !finishing_) Gone();
}

void Transport::Write(std::string_view bytes) {
  if (gone_ || finishing_ || bytes.empty()) return;
  if (tls_ != nullptr) {
    if (!tls_->Write(bytes).ok()) return Finish();
    if (pending() == 0) return Flush();
    out_ += tls_->TakeOutput();
    return Update();
  }
  // Straight away what the socket takes, without a copy.
  if (pending() == 0) {
    const ssize_t n = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      moved_ += static_cast<uint64_t>(n);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  out_ += bytes;
  Update();
}

void Transport::Flush() {
  if (tls_ != nullptr) out_ += tls_->TakeOutput();
  while (pending() > 0) {
    const ssize_t n = send(socket_.get(), out_.data() + out_sent_, pending(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {
      // Not Gone() here: the caller may be in the middle of something. The loop sees the error too.
      out_.clear();
      out_sent_ = 0;
      break;
    }
    moved_ += static_cast<uint64_t>(n);
    out_sent_ += static_cast<size_t>(n);
  }
  if (pending() == 0) {
    out_.clear();
    out_sent_ = 0;
  } else if (out_sent_ > (256u << 10)) {
    out_.erase(0, out_sent_);
    out_sent_ = 0;
  }
  Update();
}

void Transport::Update() {
  if (gone_) return;
  if (finishing_ && pending() == 0) EndOutput();
  const bool listen = finishing_ || (wants_reading_ && pending() < kFull);
  const uint32_t in = peer_ended_ ? 0u : (listen ? EPOLLIN : 0u) | EPOLLRDHUP;
  const uint32_t events = in | (pending() > 0 ? EPOLLOUT : 0u);
  if (events != events_ && watch_ != 0) (void)loop_.Modify(watch_, events);
  events_ = events;
  if (pending() > kLow) was_full_ = true;
}

void Transport::TellDrained() {
  if (gone_ || finishing_ || pending() > kLow || !std::exchange(was_full_, false)) return;
  callbacks_.on_drained();
}

void Transport::SetReading(bool on) {
  if (wants_reading_ == on) return;
  wants_reading_ = on;
  Update();
}

void Transport::Finish() {
  if (finishing_ || gone_) return;
  if (tls_ != nullptr) {
    tls_->Close();
    out_ += tls_->TakeOutput();
  }
  finishing_ = true;
  Flush();
  Linger();
}

void Transport::EndOutput() {
  if (output_ended_) return;
  output_ended_ = true;
  (void)shutdown(socket_.get(), SHUT_WR);
}

void Transport::Linger() {
  linger_ = loop_.After(kLingerStep, [this] {
    int unsent = 0;
    if (ioctl(socket_.get(), SIOCOUTQ, &unsent) != 0) return Gone();
    unsent += static_cast<int>(pending());
    // A slow client may take its time for what it was sent, one that has it all may not.
    linger_rounds_ = unsent < linger_unsent_ ? 0 : linger_rounds_ + 1;
    linger_unsent_ = unsent;
    if (linger_rounds_ > kLingerRounds) return Gone();
    Linger();
  });
}

}  // namespace keelson::stream
