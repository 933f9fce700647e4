// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/channel_wire.h"

namespace keelson::stream {
namespace {

std::vector<LaneHeaders> ChannelsOf(const Grant& grant) {
  if (grant.kind != Kind::kPortForward)
    return {{.type = "stdin"},
            {.type = "stdout"},
            {.type = "stderr"},
            {.type = "error"},
            {.type = "resize"}};
  std::vector<LaneHeaders> channels;
  for (size_t i = 0; i < grant.ports.size(); ++i) {
    for (const char* type : {"data", "error"}) {
      channels.push_back(
          {.type = type, .port = std::to_string(grant.ports[i]), .request_id = std::to_string(i)});
    }
  }
  return channels;
}

}  // namespace

ChannelWire::ChannelWire(Outlet outlet, LaneEvents& events,
                         const websocket::Subprotocol& subprotocol, const Grant& grant)
    : outlet_(std::move(outlet)),
      events_(events),
      subprotocol_(subprotocol),
      grant_(grant),
      channels_(ChannelsOf(grant)),
      framing_(*this),
      reader_(subprotocol, *this) {}

void ChannelWire::Start() {
  if (grant_.kind == Kind::kPortForward) {
    for (size_t i = 0; i < channels_.size(); ++i) {
      const uint16_t port = grant_.ports[i / 2];
      const char number[] = {static_cast<char>(port & 0xff), static_cast<char>(port >> 8)};
      Send(static_cast<Lane>(i), {number, 2});
    }
  } else {
    // An empty message on the lowest channel that is written says that all is set up.
    Send(grant_.out ? 1 : grant_.err ? 2 : 3, {});
  }
  for (size_t i = 0; i < channels_.size(); ++i)
    (void)events_.OnLane(static_cast<Lane>(i), channels_[i]);
}

base::Status ChannelWire::Feed(std::string_view bytes) {
  base::Status fed = framing_.Feed(bytes);
  if (fed.ok() && !read_.ok()) {
    framing_.Close(websocket::CloseCode::kBadData);
    fed = read_;
  }
  outlet_.write(framing_.TakeOutput());
  return fed;
}

void ChannelWire::OnMessage(bool, std::string_view piece, bool begins, bool ends) {
  if (read_.ok()) read_ = reader_.Take(piece, begins, ends);
}

void ChannelWire::OnChannelData(uint8_t channel, std::string_view piece) {
  // Others are passed over, as Kubernetes' servers do.
  if (channel < channels_.size()) events_.OnData(channel, piece);
}

void ChannelWire::OnChannelClose(uint8_t channel) {
  if (channel < channels_.size()) events_.OnFinish(channel);
}

size_t ChannelWire::Room(Lane) const {
  const size_t pending = outlet_.pending();
  return pending >= kMaxPending ? 0 : kMaxPending - pending;
}

void ChannelWire::Send(Lane lane, std::string_view data) {
  const websocket::ChannelMessage message =
      websocket::FormatMessage(subprotocol_, static_cast<uint8_t>(lane), data);
  framing_.Send(message.text, message.first, message.second);
  outlet_.write(framing_.output());
  framing_.ClearOutput();
}

void ChannelWire::KeepAlive() {
  framing_.Pong();
  outlet_.write(framing_.TakeOutput());
}

void ChannelWire::End() {
  framing_.Close(websocket::CloseCode::kNormal);
  outlet_.write(framing_.TakeOutput());
}

}  // namespace keelson::stream
