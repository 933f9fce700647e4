// SPDX-License-Identifier: Apache-2.0
// What a session sees of its client, whatever is spoken: lanes, each a stream of bytes both ways
// with a number, a kind and perhaps more headers. Events come while Feed() runs. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::stream {

using Lane = uint32_t;

struct LaneHeaders {
  std::string type;        // "stdin", "error", "data", …
  std::string port;        // port-forward
  std::string request_id;  // likewise, "" from old clients
};

class LaneEvents {
 public:
  virtual ~LaneEvents() = default;
  // False: refused, and nothing more comes of it.
  virtual bool OnLane(Lane lane, const LaneHeaders& headers) = 0;
  virtual void OnData(Lane lane, std::string_view piece) = 0;
  virtual void OnFinish(Lane lane) = 0;  // the client sends nothing more on it
  virtual void OnReset(Lane lane) = 0;   // the client does not want it any more, either way
  virtual void OnRoom() = 0;             // there may be room where there was none
};

class Wire {
 public:
  virtual ~Wire() = default;
  // After the upgrade was answered.
  virtual void Start() = 0;
  // An error ends the connection; what is to be said about it is written already.
  virtual base::Status Feed(std::string_view bytes) = 0;
  virtual size_t Room(Lane lane) const = 0;  // what Send() should be given at most, now
  virtual void Send(Lane lane, std::string_view data) = 0;
  virtual void Finish(Lane lane) = 0;
  virtual void Reset(Lane lane) = 0;
  virtual void Consumed(Lane lane, size_t bytes) = 0;  // of what OnData brought
  virtual void KeepAlive() = 0;                        // while the client is not listened to
  virtual void End() = 0;                              // the last words
  virtual bool ended_by_client() const = 0;
};

// Where a wire's bytes go.
struct Outlet {
  std::function<void(std::string_view)> write;
  std::function<size_t()> pending;
};
constexpr size_t kMaxPending = 256u << 10;  // bytes that wait for a client

}  // namespace keelson::stream
