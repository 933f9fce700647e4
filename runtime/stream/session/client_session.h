// SPDX-License-Identifier: Apache-2.0
// What a connection asks of the session on it, and what a session asks of its surroundings: the
// border between "how bytes travel" and "what the streams are for". One thread.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "lib/os/event_loop.h"
#include "runtime/stream/protocol.h"
#include "runtime/stream/session/wire.h"

namespace keelson::stream {

// The surroundings of a session.
class Host {
 public:
  virtual ~Host() = default;
  virtual os::EventLoop& loop() = 0;
  virtual Wire& wire() = 0;
  virtual void TellDaemon(Type type, std::string_view payload) = 0;
  virtual void SetListening(bool on) = 0;  // to the client
  // The session is over: last words, everything sent, closed. Nothing of the session is called
  // afterwards.
  virtual void EndSession() = 0;
};

class ClientSession : public LaneEvents {
 public:
  virtual void OnPacket(Packet packet) = 0;  // from the daemon
};

struct SessionOptions {
  Grant grant;
  int version = 4;
  std::chrono::seconds creation_time{30};
  bool ends_with_last = false;  // port-forward: no connections come beside the first ones
};
std::unique_ptr<ClientSession> MakeProcessSession(Host& host, SessionOptions options);
std::unique_ptr<ClientSession> MakeForwardSession(Host& host, SessionOptions options);

}  // namespace keelson::stream
