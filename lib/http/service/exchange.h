// SPDX-License-Identifier: Apache-2.0
// One request and its answer. Every method is thread-safe and none blocks; who answers may keep the
// pointer for as long as the answer takes (a watch keeps it and no thread). Callbacks run on an
// event-loop thread and must not block; each is dropped when it cannot come any more. An Exchange
// that is let go without an answer is answered 500, one whose stream was begun is cut off.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/service/message.h"

namespace keelson::service {

enum class Sent {
  kTaken,
  kFull,  // not taken, too much waits already; OnDrain tells when to try again
  kGone,  // the client has gone or the answer was ended: nothing will be sent any more
};

// The raw connection behind an answer of 101, bytes in both directions.
class Tunnel {
 public:
  virtual ~Tunnel() = default;
  virtual Sent Send(std::vector<Buffer> pieces) = 0;
  virtual void OnRoom(std::function<void()> callback) = 0;  // as Exchange::OnDrain
  // Bytes from the client, read only while a callback is set and not paused. An empty piece, once:
  // the client sends no more (half-closed), and may still be sent to.
  virtual void OnData(std::function<void(std::string_view)> callback) = 0;
  virtual void PauseReading(bool pause) = 0;
  virtual void OnClosed(std::function<void()> callback) = 0;  // nothing goes either way any more
  virtual void Close() = 0;                                   // once what waits is sent
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;

  // The whole answer. Content-Length and Date are added; a long body is gzipped when the client
  // takes that and `headers` name no Content-Encoding.
  virtual void Respond(int status, Fields headers, std::vector<Buffer> body) = 0;
  void Respond(int status, Fields headers, std::string body) {
    std::vector<Buffer> pieces;
    if (!body.empty()) pieces.emplace_back(std::move(body));
    Respond(status, std::move(headers), std::move(pieces));
  }

  // An answer piece by piece: Begin, Write…, End.
  virtual void Begin(int status, Fields headers) = 0;
  // All of `pieces` or none. Taken as long as less than ServerOptions::max_queued_bytes waits.
  virtual Sent Write(std::vector<Buffer> pieces) = 0;
  Sent Write(Buffer piece) { return Write(std::vector<Buffer>{std::move(piece)}); }
  virtual void End() = 0;
  virtual void Abort() = 0;  // the client sees that the answer is not whole
  // After Write said kFull, once: half of the room is free again. One callback, the last set.
  virtual void OnDrain(std::function<void()> callback) = 0;
  // Once: the client has gone before the answer was whole. At once, on this thread, if it has
  // already.
  virtual void OnGone(std::function<void()> callback) = 0;
  virtual bool gone() const = 0;

  // Answers 101 and hands the connection over. HTTP/1.1 requests with `Upgrade` only, else
  // FailedPrecondition and the request still wants its answer.
  virtual base::Result<std::shared_ptr<Tunnel>> Upgrade(Fields headers) = 0;
};

using Handler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace keelson::service
