// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/connection.h"

#include <algorithm>
#include <utility>

#include "lib/base/log.h"
#include "runtime/stream/session/channel_wire.h"
#include "runtime/stream/session/spdy_wire.h"

namespace keelson::stream {
namespace {

constexpr std::chrono::seconds kHeadTime{10};
constexpr std::chrono::seconds kAliveTime{5};  // Kubernetes' clients give up after a minute
constexpr size_t kMaxForwardedPorts = 64;      // over WebSocket's channels: two numbers each

}  // namespace

Connection::Connection(os::EventLoop& loop, DaemonLink& daemon, uint64_t id, const Config& config,
                       os::UniqueFd socket, std::shared_ptr<TlsContext> tls,
                       std::function<void()> on_gone)
    : loop_(loop),
      daemon_(daemon),
      id_(id),
      config_(config),
      on_gone_(std::move(on_gone)),
      transport_(loop, std::move(socket), std::move(tls),
                 {.on_bytes = [this](std::string_view bytes) { OnBytes(bytes); },
                  .on_drained =
                      [this] {
                        if (stage_ == Stage::kStreaming) session_->OnRoom();
                      },
                  .on_gone = [this] { OnGone(); }}) {}

Connection::~Connection() {
  CloseAtDaemon();
  for (const os::EventLoop::TimerId timer : {head_timer_, idle_timer_, alive_timer_, reap_timer_})
    loop_.CancelTimer(timer);
}

void Connection::Start() {
  head_timer_ = loop_.After(kHeadTime, [this] {
    head_timer_ = 0;
    Refuse({408, "the request did not come in time", {}});
  });
  transport_.Start();
}

void Connection::OnBytes(std::string_view bytes) {
  if (stage_ == Stage::kOver) return;
  if (stage_ == Stage::kStreaming) return FeedSession(bytes);
  head_ += bytes;
  if (stage_ == Stage::kHead) OnHead();
}

void Connection::OnHead() {
  const size_t end = head_.find("\r\n\r\n");
  if (std::min(end, head_.size()) > kMaxHeadBytes)
    return Refuse({431, "the request's head is too large", {}});
  if (end == std::string::npos) return;
  loop_.CancelTimer(std::exchange(head_timer_, 0));
  const base::Result<HttpRequest> request = ParseHead(std::string_view(head_).substr(0, end + 4));
  if (!request.ok()) return Refuse({400, request.error().message(), {}});
  std::variant<Upgrade, Refusal> plan = PlanUpgrade(*request);
  if (const auto* refusal = std::get_if<Refusal>(&plan)) return Refuse(*refusal);
  upgrade_ = std::get<Upgrade>(std::move(plan));
  head_.erase(0, end + 4);
  stage_ = Stage::kGranting;
  transport_.SetReading(false);
  known_to_daemon_ = true;
  daemon_.Send(Type::kRedeem, id_, Encode(Redeem{.kind = upgrade_.kind, .token = upgrade_.token}));
}

void Connection::OnPacket(Packet packet) {
  if (stage_ == Stage::kGranting && packet.type == Type::kGranted) return OnGrant(packet);
  if (stage_ == Stage::kStreaming) session_->OnPacket(std::move(packet));
}

void Connection::OnGrant(const Packet& packet) {
  base::Result<Grant> grant = DecodeGrant(packet.payload);
  if (!grant.ok()) {
    known_to_daemon_ = false;
    return Refuse({404, grant.error().message(), {}});
  }
  granted_ = true;
  if (const base::Status begun = BeginSession(std::move(grant).value()); !begun.ok())
    Refuse({400, begun.error().message(), {}});
}

base::Status Connection::BeginSession(Grant grant) {
  const bool channels = upgrade_.spoken == Spoken::kWebSocket;
  const bool forward = grant.kind == Kind::kPortForward;
  if (channels && forward) {
    // The CRI's call names the ports, as far as a kubelet passes them on; else the address does.
    if (grant.ports.empty()) grant.ports = upgrade_.ports;
    if (grant.ports.empty())
      return base::InvalidArgument("which ports are to be forwarded is missing: ?port=80");
    if (grant.ports.size() > kMaxForwardedPorts)
      return base::InvalidArgument("more than {} ports", kMaxForwardedPorts);
  }
  SessionOptions options{.grant = grant,
                         .version = upgrade_.version,
                         .creation_time = std::chrono::seconds(config_.creation_seconds),
                         .ends_with_last = channels};
  session_ = forward ? MakeForwardSession(*this, std::move(options))
                     : MakeProcessSession(*this, std::move(options));
  const Outlet outlet{.write = [this](std::string_view bytes) { transport_.Write(bytes); },
                      .pending = [this] { return transport_.pending(); }};
  if (channels) {
    wire_ = std::make_unique<ChannelWire>(outlet, *session_,
                                          *websocket::FindSubprotocol(upgrade_.subprotocol), grant);
  } else {
    wire_ = std::make_unique<SpdyWire>(outlet, *session_, upgrade_.spoken == Spoken::kTunnel);
  }
  stage_ = Stage::kStreaming;
  transport_.Write(upgrade_.answer);
  WatchIdle();
  transport_.SetReading(true);
  wire_->Start();
  if (const std::string rest = std::exchange(head_, {}); stage_ == Stage::kStreaming)
    FeedSession(rest);
  return base::Ok();
}

void Connection::FeedSession(std::string_view bytes) {
  const base::Status fed = wire_->Feed(bytes);
  if (stage_ != Stage::kStreaming) return;
  if (fed.ok() && !wire_->ended_by_client()) return;
  if (!fed.ok()) base::LogInfo("a streaming client breaks its protocol", {{"error", fed.error()}});
  Over();
  transport_.Finish();
}

void Connection::TellDaemon(Type type, std::string_view payload) {
  daemon_.Send(type, id_, payload);
}

void Connection::SetListening(bool on) {
  if (stage_ == Stage::kOver || on == transport_.reading()) return;
  transport_.SetReading(on);
  if (!on && alive_timer_ == 0) WatchAlive();
}

// Pings that cannot be read now are answered before they come.
void Connection::WatchAlive() {
  alive_timer_ = loop_.After(kAliveTime, [this] {
    alive_timer_ = 0;
    if (stage_ != Stage::kStreaming || transport_.reading()) return;
    wire_->KeepAlive();
    WatchAlive();
  });
}

void Connection::Over() {
  stage_ = Stage::kOver;
  CloseAtDaemon();
  // It is in the middle of something perhaps.
  if (session_ != nullptr && reap_timer_ == 0)
    reap_timer_ = loop_.After(std::chrono::nanoseconds(0), [this] { session_.reset(); });
}

void Connection::EndSession() {
  if (stage_ != Stage::kStreaming) return;
  wire_->End();
  Over();
  transport_.Finish();
}

void Connection::Refuse(const Refusal& refusal) {
  if (stage_ == Stage::kOver) return;
  Over();
  base::LogDebug("a streaming client is refused", {{"why", refusal.sentence}});
  transport_.Write(FormatRefusal(refusal));
  transport_.SetReading(true);
  transport_.Finish();
}

void Connection::CloseAtDaemon() {
  if (std::exchange(known_to_daemon_, false)) daemon_.Send(Type::kClose, id_);
}

void Connection::OnGone() {
  Over();
  on_gone_();
}

void Connection::WatchIdle() {
  idle_moved_ = transport_.moved();
  idle_timer_ = loop_.After(std::chrono::seconds(config_.idle_seconds), [this] {
    idle_timer_ = 0;
    if (stage_ != Stage::kStreaming) return;
    if (transport_.moved() != idle_moved_) return WatchIdle();
    base::LogInfo("a stream is ended: nothing has moved on it",
                  {{"seconds", config_.idle_seconds}});
    EndSession();
  });
}

}  // namespace keelson::stream
