// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <ctime>

namespace keelson::service {
namespace {
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kReadAtOnce = 256u << 10;
constexpr std::chrono::seconds kLinger(2);
}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, os::UniqueFd socket, TlsContext tls,
                       std::string remote)
    : loop_(std::move(loop)),
      transport_(std::move(socket), std::move(tls)),
      remote_(std::move(remote)) {
  ++core().connections;
}

Connection::~Connection() { core().ConnectionClosed(); }

bool Connection::Start() {
  phase_deadline_ = now() + core().options.handshake_timeout;
  interest_ = EPOLLIN | EPOLLRDHUP;
  // The loop keeps the connection; its watch must not.
  auto watch =
      loop_->events().Watch(transport_.fd(), interest_, [weak = weak_from_this()](uint32_t events) {
        if (const auto self = weak.lock()) self->OnEvents(events);
      });
  if (!watch.ok()) return false;
  watch_ = *watch;
  if (!transport_.tls()) {
    phase_ = Phase::kDetect;
    phase_deadline_ = now() + core().options.idle_timeout;
  }
  return true;
}

void Connection::OnEvents(uint32_t events) {
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) blocked_ = false;
  if (phase_ == Phase::kHandshake) ContinueHandshake();
  if (phase_ == Phase::kClosed || phase_ == Phase::kHandshake) return;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) Receive();
  if (phase_ == Phase::kClosed) return;
  if ((events & EPOLLERR) != 0 || (events & EPOLLHUP) != 0) {
    Close();
    return;
  }
  Step();
}

void Connection::ContinueHandshake() {
  switch (transport_.Handshake()) {
    case Transport::Io::kDone:
      handshake_write_ = false;
      peer_ = transport_.Peer();
      peer_end_ = transport_.PeerEnd();
      phase_ = Phase::kDetect;
      phase_deadline_ = now() + core().options.idle_timeout;
      if (transport_.alpn_h2()) {
        protocol_ = MakeHttp2(*this);
        phase_ = Phase::kServing;
      }
      return;
    case Transport::Io::kWantRead:
      handshake_write_ = false;
      break;
    case Transport::Io::kWantWrite:
      handshake_write_ = true;
      break;
    default:
      Close();
      return;
  }
  SetInterest();
}

const std::shared_ptr<const PeerCertificates>& Connection::peer() {
  if (peer_ && peer_->verified && time(nullptr) > peer_end_) {
    auto ended = std::make_shared<PeerCertificates>(*peer_);
    ended->verified = false;
    ended->problem = "certificate has expired";
    peer_ = std::move(ended);
  }
  return peer_;
}

bool Connection::Detect() {
  if (phase_ != Phase::kDetect) return phase_ == Phase::kServing;
  const size_t known = std::min(in_.size(), kHttp2Preface.size());
  if (known == 0) return false;
  // Without TLS a client that knows HTTP/2 is there says so with its first bytes.
  const bool maybe = std::string_view(in_).substr(0, known) == kHttp2Preface.substr(0, known);
  if (maybe && known < kHttp2Preface.size()) return false;
  protocol_ = maybe ? MakeHttp2(*this) : MakeHttp1(*this);
  phase_ = Phase::kServing;
  if (draining_) protocol_->Drain();
  return true;
}

void Connection::Receive() {
  if (end_seen_) return;
  if (phase_ == Phase::kServing && !protocol_->WantsRead() && !input_over_) return;
  const Transport::Io io = transport_.Read(in_, kReadAtOnce);
  if (io == Transport::Io::kFailed) {
    Close();
    return;
  }
  if (io == Transport::Io::kEnd) end_seen_ = true;
  if (phase_ == Phase::kLingering || input_over_) {
    in_.clear();
    if (end_seen_ && phase_ == Phase::kLingering) Close();
    return;
  }
  if (!Detect() && end_seen_) Close();
}

void Connection::Pump() {
  if (in_step_ || phase_ == Phase::kClosed) return;
  Step();
}

// Input to the protocol, its output to the socket, until neither goes on.
void Connection::Step() {
  const auto self = shared_from_this();  // a callback may close us
  if (phase_ == Phase::kServing) {
    in_step_ = true;
    // An answer that is sent lets the next request in: what did not move is tried once more.
    for (int still = 0; still < 2 && phase_ == Phase::kServing;) {
      const size_t before = in_.size();
      if (!in_.empty() && !input_over_ && !protocol_->OnInput(in_)) {
        input_over_ = true;
        in_.clear();
      }
      if (phase_ != Phase::kServing) break;
      if (end_seen_) protocol_->OnEnd();
      Flush();
      if (in_.empty() && !end_seen_) break;
      still = in_.size() == before ? still + 1 : 0;
    }
    in_step_ = false;
    if (phase_ == Phase::kServing && protocol_->Done() && out_.empty()) Linger();
  }
  if (phase_ != Phase::kClosed) SetInterest();
}

void Connection::Flush() {
  while (!blocked_ && phase_ == Phase::kServing) {
    protocol_->Fill(out_);
    if (phase_ != Phase::kServing) return;
    if (out_.empty()) break;
    size_t sent = 0;
    const Transport::Io io = transport_.Write(out_, sent);
    if (sent > 0) write_deadline_ = now() + core().options.write_timeout;
    if (io == Transport::Io::kFailed || io == Transport::Io::kEnd) {
      Close();
      return;
    }
    if (io != Transport::Io::kDone) {
      blocked_ = true;
      if (write_deadline_ == Time::max()) write_deadline_ = now() + core().options.write_timeout;
    }
  }
  if (out_.empty()) write_deadline_ = Time::max();
}

// What the client has sent besides would turn our close into a reset that takes the answer's end
// away from it.
void Connection::Linger() {
  protocol_->Close();
  if (end_seen_) {
    Close();
    return;
  }
  transport_.ShutdownWrite();
  phase_ = Phase::kLingering;
  phase_deadline_ = now() + kLinger;
  in_.clear();
}

void Connection::SetInterest() {
  uint32_t wanted = 0;
  const bool reads = phase_ != Phase::kServing || protocol_->WantsRead() || input_over_;
  if (!end_seen_ && reads) wanted |= EPOLLIN | EPOLLRDHUP;
  if (blocked_ || handshake_write_) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  (void)loop_->events().Modify(watch_, wanted);
}

void Connection::OnReady(Stream& stream) {
  if (phase_ != Phase::kServing) return;
  protocol_->OnReady(stream);
  Pump();
}

void Connection::Drain() {
  draining_ = true;
  if (phase_ == Phase::kDetect && in_.empty()) {
    Close();
  } else if (phase_ == Phase::kServing) {
    protocol_->Drain();
    Pump();
  }
}

void Connection::Sweep(Time now) {
  if (phase_ == Phase::kClosed) return;
  if (phase_ != Phase::kServing) {
    if (now >= phase_deadline_) Close();
  } else if (now >= write_deadline_) {
    Close();
  } else if (now >= protocol_->Deadline()) {
    input_over_ = !protocol_->OnDeadline();
    Step();
  }
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  const auto self = shared_from_this();
  phase_ = Phase::kClosed;
  loop_->events().Unwatch(watch_);
  if (protocol_) protocol_->Close();
  if (end_seen_ || !out_.empty()) {
    // Nothing to say: the client has gone, or takes nothing.
  } else {
    transport_.ShutdownWrite();
  }
  loop_->Forget(this);
}

}  // namespace keelson::service
