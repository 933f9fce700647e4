// SPDX-License-Identifier: Apache-2.0
// Lanes as SPDY streams, plain or inside the binary messages of a WebSocket. One thread.
#pragma once

#include <memory>

#include "lib/http/spdy/session.h"
#include "lib/http/websocket/framing.h"
#include "runtime/stream/session/wire.h"

namespace keelson::stream {

class SpdyWire final : public Wire, private spdy::Events, private websocket::Events {
 public:
  SpdyWire(Outlet outlet, LaneEvents& events, bool in_websocket);
  void Start() override {}
  base::Status Feed(std::string_view bytes) override;
  size_t Room(Lane lane) const override;
  void Send(Lane lane, std::string_view data) override;
  void Finish(Lane lane) override;
  void Reset(Lane lane) override;
  void Consumed(Lane lane, size_t bytes) override;
  void KeepAlive() override;
  void End() override;
  bool ended_by_client() const override { return ended_; }

 private:
  void OnStream(uint32_t id, const spdy::Headers& headers, bool fin) override;
  void OnData(uint32_t id, std::string_view piece) override { events_.OnData(id, piece); }
  void OnFinish(uint32_t id) override { events_.OnFinish(id); }
  void OnReset(uint32_t id, uint32_t) override { events_.OnReset(id); }
  void OnWindow() override { events_.OnRoom(); }
  void OnMessage(bool text, std::string_view piece, bool begins, bool ends) override;
  void OnClose(uint16_t) override { ended_ = true; }
  void Flush();

  const Outlet outlet_;
  LaneEvents& events_;
  spdy::Session session_;
  std::unique_ptr<websocket::Framing> tunnel_;  // none: plain SPDY
  base::Status tunnelled_;                      // what the session said of the bytes in it
  uint32_t next_ping_ = 2;
  bool feeding_ = false;
  bool ended_ = false;
};

}  // namespace keelson::stream
