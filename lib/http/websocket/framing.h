// SPDX-License-Identifier: Apache-2.0
// A server's end of a WebSocket: masked frames in, pieces of messages out as they come (nothing is
// put together, so no length needs a bound), pings answered. Events are called from Feed(), which
// they may not call. One thread. Source: RFC 6455.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::websocket {

// What the client's Sec-WebSocket-Key is answered with.
std::string AcceptKey(std::string_view key);
// 16 bytes in Base64: what a key must be.
bool IsKey(std::string_view key);

enum class CloseCode : uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kBadData = 1007,
  kTooLarge = 1009,
  kInternalError = 1011,
};

class Events {
 public:
  virtual ~Events() = default;
  // `begins`: the first piece of a message (may be empty), `ends`: its last.
  virtual void OnMessage(bool text, std::string_view piece, bool begins, bool ends) = 0;
  // The peer closes; it has its answer in the output already.
  virtual void OnClose(uint16_t code) = 0;
};

class Framing {
 public:
  explicit Framing(Events& events) : events_(events) {}

  // Takes all of `bytes`. An error is the end of the connection; the Close that says so is in the
  // output already.
  base::Status Feed(std::string_view bytes);
  std::string TakeOutput() { return std::move(output_); }
  size_t output_bytes() const { return output_.size(); }
  // The same without giving its memory away: seen, then cleared.
  std::string_view output() const { return output_; }
  void ClearOutput() { output_.clear(); }

  // One message of two parts, so that a channel's number needs no copy. Nothing after Close().
  void Send(bool text, std::string_view first, std::string_view second = {});
  void Ping();
  void Pong();  // unasked: "I am alive", for a peer whose pings cannot be read now
  void Close(CloseCode code);
  bool closed() const { return close_sent_; }

 private:
  base::Status Take(std::string_view& bytes);
  void Unmask();
  base::Status OnHead();
  base::Status OnControl();
  void PutFrame(uint8_t opcode, std::string_view first, std::string_view second);

  Events& events_;
  std::string output_;
  bool broken_ = false;
  bool close_sent_ = false;
  bool close_received_ = false;
  std::string head_;
  size_t head_bytes_ = 2;  // that the head of this frame has, as far as known
  bool in_frame_ = false;
  bool fin_ = false;
  uint8_t opcode_ = 0;
  bool in_message_ = false;  // a data message has begun and not ended
  bool text_ = false;        // of that message
  bool begins_ = false;      // no piece of it was handed on yet
  uint64_t left_ = 0;
  uint64_t mask_at_ = 0;
  char mask_[4] = {};
  std::string control_;
  std::string piece_;  // unmasked
};

}  // namespace keelson::websocket
