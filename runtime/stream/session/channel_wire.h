// SPDX-License-Identifier: Apache-2.0
// Lanes as the numbered channels of a WebSocket. Which there are is known beforehand: for a process
// stdin, stdout, stderr, error and resize; for port-forward data and error of each port in turn,
// each beginning with the port's number in two bytes, the low one first. Sending's end cannot be
// said. One thread.
#pragma once

#include <vector>

#include "lib/http/websocket/channels.h"
#include "lib/http/websocket/framing.h"
#include "runtime/stream/protocol.h"
#include "runtime/stream/session/wire.h"

namespace keelson::stream {

class ChannelWire final : public Wire, private websocket::Events, private websocket::ChannelEvents {
 public:
  // The channels of what was granted.
  ChannelWire(Outlet outlet, LaneEvents& events, const websocket::Subprotocol& subprotocol,
              const Grant& grant);
  void Start() override;
  base::Status Feed(std::string_view bytes) override;
  size_t Room(Lane lane) const override;
  void Send(Lane lane, std::string_view data) override;
  void Finish(Lane) override {}
  void Reset(Lane) override {}
  void Consumed(Lane, size_t) override {}
  void KeepAlive() override;
  void End() override;
  bool ended_by_client() const override { return ended_; }

 private:
  void OnMessage(bool text, std::string_view piece, bool begins, bool ends) override;
  void OnClose(uint16_t) override { ended_ = true; }
  void OnChannelData(uint8_t channel, std::string_view piece) override;
  void OnChannelClose(uint8_t channel) override;

  const Outlet outlet_;
  LaneEvents& events_;
  const websocket::Subprotocol subprotocol_;
  const Grant grant_;
  std::vector<LaneHeaders> channels_;
  websocket::Framing framing_;
  websocket::ChannelReader reader_;
  base::Status read_;
  bool ended_ = false;
};

}  // namespace keelson::stream
