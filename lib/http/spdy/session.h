// SPDX-License-Identifier: Apache-2.0
// One end of a SPDY/3.1 connection: bytes in, events out, bytes to send out. Events are called from
// Feed(), may call the session's other methods, but not Feed(). Data is handed on as it comes,
// never kept; what is kept is bounded by Limits. One thread. Source: draft-mbelshe-httpbis-spdy-00.
//
// Windows: Kubernetes' own library (moby/spdystream) neither keeps them nor says so. Sending is
// held to a window only once the peer has shown that it keeps them (a WINDOW_UPDATE for that level,
// or an initial window in SETTINGS); receiving always gives windows back as data is consumed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/result.h"
#include "lib/http/spdy/header_block.h"

namespace keelson::spdy {

enum class Role { kServer, kClient };

enum class ResetStatus : uint32_t {
  kProtocolError = 1,
  kInvalidStream,
  kRefusedStream,
  kUnsupportedVersion,
  kCancel,
  kInternalError,
  kFlowControlError,
  kStreamInUse,
  kStreamAlreadyClosed,
  kInvalidCredentials,
  kFrameTooLarge,
};
enum class GoAwayStatus : uint32_t { kOk = 0, kProtocolError, kInternalError };

struct Limits {
  size_t max_control_bytes = 64u << 10;  // of one control frame
  size_t max_header_bytes = 64u << 10;   // of one decompressed block
  size_t max_headers = 128;
  size_t max_streams = 1024;
};

class Events {
 public:
  virtual ~Events() = default;
  // `fin`: the peer sends nothing more on that stream.
  virtual void OnStream(uint32_t id, const Headers& headers, bool fin) = 0;
  virtual void OnReply(uint32_t, const Headers&, bool /*fin*/) {}
  virtual void OnHeaders(uint32_t, const Headers&, bool /*fin*/) {}
  virtual void OnData(uint32_t id, std::string_view piece) = 0;
  virtual void OnFinish(uint32_t id) = 0;  // after the last data
  virtual void OnReset(uint32_t id, uint32_t status) = 0;
  virtual void OnWindow() {}               // there may be room where there was none
  virtual void OnPing(uint32_t /*id*/) {}  // the answer to one of ours
  virtual void OnGoAway(uint32_t /*last_good*/, uint32_t /*status*/) {}
};

class Session {
 public:
  Session(Role role, Events& events, Limits limits = {});

  // Takes all of `bytes`. An error is the end of the connection; the GOAWAY that says so is in the
  // output already.
  base::Status Feed(std::string_view bytes);
  std::string TakeOutput() { return std::move(output_); }
  // The same without giving its memory away: seen, then cleared.
  std::string_view output() const { return output_; }
  void ClearOutput() { output_.clear(); }
  size_t output_bytes() const { return output_.size(); }

  uint32_t Open(const Headers& headers, bool fin);  // the new stream's id
  void Reply(uint32_t id, const Headers& headers, bool fin);
  // What Send() may be given now.
  size_t Room(uint32_t id) const;
  // Of a stream that is gone or finished by us: nothing.
  void Send(uint32_t id, std::string_view data, bool fin = false);
  void Finish(uint32_t id) { Send(id, {}, true); }
  void Reset(uint32_t id, ResetStatus status);
  // So much of what OnData() brought is out of the way.
  void Consumed(uint32_t id, size_t bytes);
  void Ping(uint32_t id);
  void GoAway(GoAwayStatus status);
  size_t streams() const { return streams_.size(); }

 private:
  struct Stream {
    bool local_finished = false;
    bool remote_finished = false;
    int64_t send_window = 0;
    size_t unacknowledged = 0;  // consumed and not given back yet
  };
  using Handler = base::Status (Session::*)(std::string_view payload, uint8_t flags);

  // Clients count in odd numbers.
  bool IsPeers(uint32_t id) const { return (id & 1) == (role_ == Role::kServer ? 1 : 0); }
  base::Status Take(std::string_view& bytes);
  base::Status OnFrameHead();
  void OnDataPiece(std::string_view piece);
  void EndData();
  base::Status OnControl();
  base::Status OnSynStream(std::string_view payload, uint8_t flags);
  base::Status OnSynReply(std::string_view payload, uint8_t flags);
  base::Status OnHeadersFrame(std::string_view payload, uint8_t flags);
  base::Status OnRstStream(std::string_view payload, uint8_t flags);
  base::Status OnSettings(std::string_view payload, uint8_t flags);
  base::Status OnPingFrame(std::string_view payload, uint8_t flags);
  base::Status OnGoAwayFrame(std::string_view payload, uint8_t flags);
  base::Status OnWindowUpdate(std::string_view payload, uint8_t flags);
  base::Result<Headers> ReadHeaders(std::string_view compressed);
  void RemoteFinished(uint32_t id);
  void EraseIfDone(uint32_t id);
  void PutControl(uint16_t type, uint8_t flags, std::string_view payload);
  void PutReset(uint32_t id, ResetStatus status);

  const Role role_;
  Events& events_;
  const Limits limits_;
  HeaderCompressor compressor_;
  HeaderDecompressor decompressor_;
  std::map<uint32_t, Stream> streams_;
  std::string output_;
  uint32_t next_id_;
  uint32_t last_peer_id_ = 0;
  bool broken_ = false;
  bool gone_away_ = false;  // we said so
  // Sending.
  bool peer_keeps_streams_ = false;
  bool peer_keeps_session_ = false;
  int64_t initial_window_;
  int64_t session_window_;
  // Receiving.
  size_t session_unacknowledged_ = 0;
  std::string head_;       // of a frame, up to 8 bytes
  bool in_frame_ = false;  // the head is read
  bool control_ = false;   // what it said
  uint16_t type_ = 0;
  uint8_t flags_ = 0;
  uint32_t data_id_ = 0;
  size_t left_ = 0;      // bytes of the frame still to come
  std::string payload_;  // of a control frame
};

}  // namespace keelson::spdy
