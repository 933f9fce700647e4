// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/spdy_wire.h"

#include <algorithm>
#include <string>

namespace keelson::stream {

SpdyWire::SpdyWire(Outlet outlet, LaneEvents& events, bool in_websocket)
    : outlet_(std::move(outlet)), events_(events), session_(spdy::Role::kServer, *this) {
  if (in_websocket) tunnel_.reset(new websocket::Framing(*this));  // the base is private
}

base::Status SpdyWire::Feed(std::string_view bytes) {
  // What is given back of windows on the way goes out together.
  feeding_ = true;
  base::Status fed = tunnel_ == nullptr ? session_.Feed(bytes) : tunnel_->Feed(bytes);
  feeding_ = false;
  if (fed.ok() && !tunnelled_.ok()) fed = tunnelled_;
  Flush();
  return fed;
}

void SpdyWire::OnMessage(bool text, std::string_view piece, bool, bool) {
  if (!tunnelled_.ok()) return;
  tunnelled_ = text ? base::InvalidArgument("text in a tunnel") : session_.Feed(piece);
}

void SpdyWire::Flush() {
  if (tunnel_ != nullptr && !session_.output().empty()) {
    tunnel_->Send(false, session_.output());
    session_.ClearOutput();
  }
  const std::string_view bytes = tunnel_ == nullptr ? session_.output() : tunnel_->output();
  if (bytes.empty()) return;
  outlet_.write(bytes);
  tunnel_ == nullptr ? session_.ClearOutput() : tunnel_->ClearOutput();
}

void SpdyWire::OnStream(uint32_t id, const spdy::Headers& headers, bool) {
  const LaneHeaders lane{.type = std::string(spdy::Find(headers, "streamtype")),
                         .port = std::string(spdy::Find(headers, "port")),
                         .request_id = std::string(spdy::Find(headers, "requestid"))};
  // Answered before anything is sent on it, else Kubernetes' library drops what comes.
  session_.Reply(id, {}, false);
  if (!events_.OnLane(id, lane)) session_.Reset(id, spdy::ResetStatus::kRefusedStream);
}

size_t SpdyWire::Room(Lane lane) const {
  const size_t pending = outlet_.pending();
  if (pending >= kMaxPending) return 0;
  return std::min(session_.Room(lane), kMaxPending - pending);
}

void SpdyWire::Send(Lane lane, std::string_view data) {
  session_.Send(lane, data);
  Flush();
}

void SpdyWire::Finish(Lane lane) {
  session_.Finish(lane);
  Flush();
}

void SpdyWire::Reset(Lane lane) {
  session_.Reset(lane, spdy::ResetStatus::kCancel);
  Flush();
}

void SpdyWire::Consumed(Lane lane, size_t bytes) {
  session_.Consumed(lane, bytes);
  if (!feeding_) Flush();
}

void SpdyWire::KeepAlive() {
  if (tunnel_ != nullptr) {
    tunnel_->Pong();
  } else {
    session_.Ping(next_ping_);
    next_ping_ += 2;
  }
  Flush();
}

void SpdyWire::End() {
  session_.GoAway(spdy::GoAwayStatus::kOk);
  Flush();
  if (tunnel_ == nullptr) return;
  tunnel_->Close(websocket::CloseCode::kNormal);
  Flush();
}

}  // namespace keelson::stream
