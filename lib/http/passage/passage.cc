// SPDX-License-Identifier: Apache-2.0
#include "lib/http/passage/passage.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::passage {
namespace {

using service::Sent;
using service::Transport;

constexpr size_t kRead = 64u << 10;
constexpr size_t kMostFromClient = 256u << 10;  // of a tunnel; the client is not read meanwhile
constexpr int kRounds = 16;                     // before others of the loop have their turn

std::string Text(int error) { return base::ToLower(std::strerror(error)); }

std::string HeadOf(const Outbound& outbound) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", outbound.method, outbound.target);
  const auto add = [&head](std::string_view name, std::string_view value) {
    if (base::ContainsControlCharacter(name) || base::ContainsControlCharacter(value)) return;
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (service::FindHeader(outbound.headers, "host") == nullptr)
    add("Host", base::Endpoint(outbound.host, outbound.port));
  for (const auto& [name, value] : outbound.headers) {
    if (base::ToLower(name) != "content-length") add(name, value);
  }
  if (!outbound.body.empty() || (!outbound.upgrade && outbound.method != "GET"))
    add("Content-Length", std::to_string(outbound.body.size()));
  if (!outbound.upgrade) add("Connection", "close");
  return head + "\r\n";
}

}  // namespace

Passage::Passage(std::shared_ptr<os::EventLoop> loop, Passages::Options options,
                 std::shared_ptr<service::Exchange> exchange, Outbound outbound, Terms terms,
                 os::Dial dial, std::function<void(Passage*)> ended)
    : loop_(std::move(loop)),
      options_(options),
      exchange_(std::move(exchange)),
      outbound_(std::move(outbound)),
      terms_(std::move(terms)),
      ended_(std::move(ended)),
      dial_(std::move(dial)),
      response_(outbound_.method == "HEAD") {}

void Passage::Start() {
  const std::weak_ptr<Passage> weak = weak_from_this();
  exchange_->OnGone([weak, loop = loop_] {
    loop->Post([weak] {
      if (const auto self = weak.lock()) self->Finish(false);
    });
  });
  // Set once and before the first piece: what is said between a full queue and asking is not lost.
  AskForRoom();
  timer_ = loop_->After(options_.dial_timeout, [this] {
    timer_.reset();
    Fail(fmt::format("dial tcp {}: i/o timeout", dial_.where()));
  });
  ConnectNext();
}

void Passage::AskForRoom() {
  const std::weak_ptr<Passage> weak = weak_from_this();
  const auto drained = [weak, loop = loop_] {
    loop->Post([weak] {
      const auto self = weak.lock();
      if (!self || self->stage_ == Stage::kOver) return;
      self->blocked_ = false;
      self->Proceed();
    });
  };
  tunnel_ ? tunnel_->OnRoom(drained) : exchange_->OnDrain(drained);
}

void Passage::CutOff() { Finish(false); }

void Passage::ConnectNext() {
  const int socket = dial_.Next();
  if (socket < 0)
    return Fail(dial_.where().empty()
                    ? "dial tcp: no address"
                    : fmt::format("dial tcp {}: connect: {}", dial_.where(), Text(dial_.error())));
  const int one = 1;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  const auto watch = loop_->Watch(socket, EPOLLOUT, [this](uint32_t ready) { OnReady(ready); });
  if (!watch.ok()) return Fail(watch.error().message());
  watch_ = *watch;
  watched_ = EPOLLOUT;
}

void Passage::Fail(const std::string& message) {
  if (stage_ == Stage::kOver) return;
  terms_.failed(*exchange_, base::Unavailable("{}", message));
  Finish(true);
}

void Passage::Finish(bool whole) {
  if (stage_ == Stage::kOver) return;
  const auto self = shared_from_this();
  const Stage was = stage_;
  stage_ = Stage::kOver;
  if (watch_) loop_->Unwatch(*watch_);
  if (timer_) loop_->CancelTimer(*timer_);
  if (!whole && (was == Stage::kBody || was == Stage::kTunnel)) exchange_->Abort();
  if (was == Stage::kTunnel) {
    tunnel_->OnData(nullptr);
    tunnel_->Close();
  } else if (was == Stage::kBody && whole) {
    exchange_->End();
  }
  transport_.reset();
  dial_.Close();
  tunnel_.reset();
  exchange_.reset();
  ended_(this);
}

void Passage::OnReady(uint32_t) {
  const auto self = shared_from_this();
  if (stage_ == Stage::kConnecting) return Connected();
  if (stage_ == Stage::kShaking) return Shake();
  if (stage_ != Stage::kOver) Proceed();
}

void Passage::Connected() {
  if (!dial_.Connected()) {
    loop_->Unwatch(*watch_);
    watch_.reset();
    return ConnectNext();
  }
  transport_ = std::make_unique<Transport>(dial_.Take(), outbound_.tls, outbound_.host);
  stage_ = Stage::kShaking;
  Shake();
}

void Passage::Shake() {
  const Transport::Io io = transport_->Handshake();
  if (io == Transport::Io::kWantRead || io == Transport::Io::kWantWrite) {
    wants_write_ = io == Transport::Io::kWantWrite;
    return Watch();
  }
  if (io != Transport::Io::kDone) {
    const std::string problem = transport_->PeerProblem(), alert = transport_->PeerAlert();
    if (!problem.empty()) return Fail("tls: failed to verify certificate: x509: " + problem);
    return Fail("remote error: tls: " + (alert.empty() ? "handshake failure" : alert));
  }
  wants_write_ = false;
  if (timer_) loop_->CancelTimer(*timer_);
  timer_.reset();
  stage_ = Stage::kHead;
  out_.AppendText(HeadOf(outbound_));
  out_.AppendText(outbound_.body);
  Proceed();
}

void Passage::Watch() {
  if (stage_ == Stage::kOver) return;
  uint32_t wanted = 0;
  if (!blocked_ && !backend_ended_) wanted |= EPOLLIN;
  if (!out_.empty() || wants_write_) wanted |= EPOLLOUT;
  if (wanted == watched_) return;
  watched_ = wanted;
  if (wanted == 0) {
    // Or epoll would go on telling of a peer that has hung up.
    loop_->Unwatch(*watch_);
    watch_.reset();
  } else if (watch_) {
    (void)loop_->Modify(*watch_, wanted);
  } else {
    const auto watch =
        loop_->Watch(transport_->fd(), wanted, [this](uint32_t ready) { OnReady(ready); });
    if (!watch.ok()) return Finish(false);
    watch_ = *watch;
  }
}

void Passage::Proceed() {
  const auto self = shared_from_this();
  size_t sent = 0;
  const Transport::Io io = transport_->Write(out_, sent);
  if (paused_ && out_.bytes() < kMostFromClient) {
    paused_ = false;
    tunnel_->PauseReading(false);
  }
  wants_write_ = false;
  if (io == Transport::Io::kFailed || io == Transport::Io::kEnd) {
    // It may have answered before it stopped listening.
    out_.Clear();
  } else if (out_.empty() && client_ended_) {
    client_ended_ = false;
    transport_->ShutdownWrite();
  }
  Read();
  Watch();
}

void Passage::Read() {
  if (stage_ == Stage::kOver || !HandOver()) return;
  std::string bytes;
  for (int round = 0; round < kRounds && !backend_ended_; ++round) {
    bytes.clear();
    const Transport::Io io = transport_->Read(bytes, kRead);
    if (stage_ == Stage::kTunnel) {
      in_ += bytes;
    } else if (!bytes.empty()) {
      const base::Status put = response_.Put(bytes, in_);
      if (!put.ok()) {
        if (stage_ == Stage::kHead && !refusal_)
          return Fail("net/http: HTTP/1.x transport connection broken: " + put.error().message());
        return Finish(false);
      }
    }
    if (io == Transport::Io::kEnd || io == Transport::Io::kFailed) backend_ended_ = true;
    if (!HandOver()) return;
    if (io == Transport::Io::kWantRead) return;
    if (io == Transport::Io::kWantWrite) {
      wants_write_ = true;
      return;
    }
  }
  if (backend_ended_) return BackendEnded();
  // More is there, and TLS may hold it where epoll does not see it.
  const std::weak_ptr<Passage> weak = weak_from_this();
  loop_->Post([weak] {
    const auto self = weak.lock();
    if (self && self->stage_ != Stage::kOver) self->Proceed();
  });
}

void Passage::BackendEnded() {
  if (stage_ == Stage::kTunnel) return Finish(true);
  const bool whole = response_.PutEnd();
  if (refusal_) {
    terms_.refuse(*exchange_, *refusal_, in_);
    return Finish(true);
  }
  if (stage_ == Stage::kHead) return Fail("EOF");
  Finish(whole);
}

bool Passage::TakeHead() {
  if (refusal_) return true;
  if (!response_.has_head()) return false;
  Head head = response_.head();
  if (head.status >= 100 && head.status < 200 && head.status != 101) {
    Fail(fmt::format("unexpected informational answer {}", head.status));
    return false;
  }
  if (head.status == 101) {
    if (!outbound_.upgrade) {
      Fail("the server switches protocols unasked");
      return false;
    }
    base::Result<std::shared_ptr<service::Tunnel>> tunnel = exchange_->Upgrade(head.headers);
    if (!tunnel.ok()) {
      Fail(tunnel.error().message());
      return false;
    }
    tunnel_ = *std::move(tunnel);
    in_ = response_.rest();
    BeginTunnel();
    return true;
  }
  if (terms_.is_refusal && terms_.is_refusal(head)) {
    refusal_ = std::move(head);
    return true;
  }
  head.headers = EndToEnd(head.headers);
  if (terms_.rewrite) terms_.rewrite(head);
  stage_ = Stage::kBody;
  exchange_->Begin(head.status, std::move(head.headers));
  return true;
}

bool Passage::HandOver() {
  if (stage_ == Stage::kOver || blocked_) return false;
  if (stage_ == Stage::kHead && !TakeHead()) return stage_ != Stage::kOver;
  if (refusal_) {
    if (!response_.whole() && in_.size() < options_.refusal_bytes) return true;
    in_.resize(std::min(in_.size(), options_.refusal_bytes));
    terms_.refuse(*exchange_, *refusal_, in_);
    Finish(true);
    return false;
  }
  if (!in_.empty()) {
    std::vector<service::Buffer> pieces;
    pieces.emplace_back(std::move(in_));
    const Sent sent = tunnel_ ? tunnel_->Send(pieces) : exchange_->Write(pieces);
    if (sent == Sent::kGone) {
      Finish(false);
      return false;
    }
    if (sent == Sent::kFull) {
      in_ = std::string(pieces[0].view());
      blocked_ = true;
      return false;
    }
    in_.clear();
  }
  if (stage_ == Stage::kBody && response_.whole()) {
    Finish(true);
    return false;
  }
  // What came before the client was full is handed over; the end of it was seen then.
  if (backend_ended_) {
    BackendEnded();
    return false;
  }
  return true;
}

void Passage::BeginTunnel() {
  stage_ = Stage::kTunnel;
  const std::weak_ptr<Passage> weak = weak_from_this();
  AskForRoom();
  tunnel_->OnClosed([weak, loop = loop_] {
    loop->Post([weak] {
      if (const auto self = weak.lock()) self->Finish(true);
    });
  });
  const std::weak_ptr<service::Tunnel> tunnel = tunnel_;
  tunnel_->OnData([weak, tunnel, loop = loop_](std::string_view bytes) {
    // One piece at a time; Proceed() lets the next one come.
    if (const auto there = tunnel.lock()) there->PauseReading(true);
    loop->Post([weak, text = std::string(bytes), end = bytes.empty()] {
      const auto there = weak.lock();
      if (there && there->stage_ != Stage::kOver) there->FromClient(text, end);
    });
  });
}

void Passage::FromClient(std::string bytes, bool end) {
  paused_ = true;
  client_ended_ = client_ended_ || end;
  if (!bytes.empty()) out_.Append(service::Buffer(std::move(bytes)));
  Proceed();
}

}  // namespace keelson::passage
