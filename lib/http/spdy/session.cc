// SPDX-License-Identifier: Apache-2.0
#include "lib/http/spdy/session.h"

#include <algorithm>

namespace keelson::spdy {
namespace {

using base::Status;

constexpr uint16_t kVersion = 3;
constexpr uint8_t kFin = 1;
constexpr uint8_t kUnidirectional = 2;
constexpr uint32_t kIdMask = 0x7fffffff;
constexpr int64_t kDefaultWindow = 64 << 10;
constexpr int64_t kMaxWindow = 0x7fffffff;
constexpr size_t kGiveBack = 32u << 10;       // half a window
constexpr size_t kMaxDataBytes = 128u << 10;  // of a frame of ours: streams take turns
constexpr uint32_t kInitialWindowSetting = 7;

enum Type : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

void Put32(std::string& out, uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(number >> shift & 0xff);
}

uint32_t Get32(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

Status WrongSize(std::string_view frame, size_t size) {
  return base::InvalidArgument("{} frame of {} bytes", frame, size);
}

}  // namespace

Session::Session(Role role, Events& events, Limits limits)
    : role_(role),
      events_(events),
      limits_(limits),
      next_id_(role == Role::kServer ? 2 : 1),
      initial_window_(kDefaultWindow),
      session_window_(kDefaultWindow) {}

Status Session::Feed(std::string_view bytes) {
  if (broken_) return base::FailedPrecondition("the connection has failed before");
  while (!bytes.empty()) {
    const Status taken = Take(bytes);
    if (taken.ok()) continue;
    GoAway(GoAwayStatus::kProtocolError);
    broken_ = true;
    return taken.error().WithContext("SPDY");
  }
  return base::Ok();
}

Status Session::Take(std::string_view& bytes) {
  if (!in_frame_) {
    const size_t n = std::min(8 - head_.size(), bytes.size());
    head_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    return head_.size() < 8 ? base::Ok() : OnFrameHead();
  }
  const std::string_view piece = bytes.substr(0, left_);
  bytes.remove_prefix(piece.size());
  left_ -= piece.size();
  if (!control_) {
    OnDataPiece(piece);
    if (left_ == 0) EndData();
    return base::Ok();
  }
  payload_.append(piece);
  return left_ == 0 ? OnControl() : base::Ok();
}

Status Session::OnFrameHead() {
  const uint32_t first = Get32(head_, 0);
  const uint32_t second = Get32(head_, 4);
  head_.clear();
  in_frame_ = true;
  control_ = (first & ~kIdMask) != 0;
  flags_ = static_cast<uint8_t>(second >> 24);
  left_ = second & 0xffffff;
  if (!control_) {
    data_id_ = first & kIdMask;
    if (data_id_ == 0) return base::InvalidArgument("data of stream 0");
    const auto it = streams_.find(data_id_);
    if (it == streams_.end()) {
      // Data of a stream that was reset crosses with the reset: only what never was is an offence.
      const bool never = IsPeers(data_id_) ? data_id_ > last_peer_id_ : data_id_ >= next_id_;
      if (never) PutReset(data_id_, ResetStatus::kInvalidStream);
    } else if (it->second.remote_finished) {
      Reset(data_id_, ResetStatus::kStreamAlreadyClosed);
      events_.OnReset(data_id_, static_cast<uint32_t>(ResetStatus::kStreamAlreadyClosed));
    }
    if (left_ == 0) EndData();
    return base::Ok();
  }
  const uint16_t version = first >> 16 & 0x7fff;
  type_ = static_cast<uint16_t>(first);
  if (version != kVersion) return base::InvalidArgument("version {} of the protocol", version);
  if (left_ > limits_.max_control_bytes)
    return base::ResourceExhausted("control frame of {} bytes, at most {} are taken", left_,
                                   limits_.max_control_bytes);
  payload_.clear();
  return left_ == 0 ? OnControl() : base::Ok();
}

void Session::OnDataPiece(std::string_view piece) {
  const auto it = streams_.find(data_id_);
  if (it != streams_.end() && !it->second.remote_finished) {
    events_.OnData(data_id_, piece);
  } else {
    Consumed(0, piece.size());
  }
}

void Session::EndData() {
  in_frame_ = false;
  if ((flags_ & kFin) != 0) RemoteFinished(data_id_);
}

void Session::RemoteFinished(uint32_t id) {
  const auto it = streams_.find(id);
  if (it == streams_.end() || it->second.remote_finished) return;
  it->second.remote_finished = true;
  events_.OnFinish(id);
  EraseIfDone(id);
}

void Session::EraseIfDone(uint32_t id) {
  const auto it = streams_.find(id);
  if (it != streams_.end() && it->second.remote_finished && it->second.local_finished)
    streams_.erase(it);
}

Status Session::OnControl() {
  in_frame_ = false;
  Handler handler = nullptr;
  switch (type_) {
    case kSynStream:
      handler = &Session::OnSynStream;
      break;
    case kSynReply:
      handler = &Session::OnSynReply;
      break;
    case kRstStream:
      handler = &Session::OnRstStream;
      break;
    case kSettings:
      handler = &Session::OnSettings;
      break;
    case kPing:
      handler = &Session::OnPingFrame;
      break;
    case kGoAway:
      handler = &Session::OnGoAwayFrame;
      break;
    case kHeaders:
      handler = &Session::OnHeadersFrame;
      break;
    case kWindowUpdate:
      handler = &Session::OnWindowUpdate;
      break;
    default:
      return base::Ok();  // unknown frames are passed over
  }
  const std::string payload = std::move(payload_);
  payload_.clear();
  return (this->*handler)(payload, flags_);
}

base::Result<Headers> Session::ReadHeaders(std::string_view compressed) {
  ASSIGN_OR_RETURN(const std::string block,
                   decompressor_.Decompress(compressed, limits_.max_header_bytes));
  return ParseBlock(block, limits_.max_headers);
}

Status Session::OnSynStream(std::string_view payload, uint8_t flags) {
  if (payload.size() < 10) return WrongSize("SYN_STREAM", payload.size());
  const uint32_t id = Get32(payload, 0) & kIdMask;
  // Read in any case: the compression of later headers depends on these.
  ASSIGN_OR_RETURN(const Headers headers, ReadHeaders(payload.substr(10)));
  if (id == 0 || !IsPeers(id))
    return base::InvalidArgument("stream {} is not the peer's to open", id);
  if (id <= last_peer_id_)
    return base::InvalidArgument("stream {} is opened after stream {}", id, last_peer_id_);
  last_peer_id_ = id;
  if (gone_away_ || streams_.size() >= limits_.max_streams) {
    PutReset(id, ResetStatus::kRefusedStream);
    return base::Ok();
  }
  Stream stream;
  stream.send_window = initial_window_;
  stream.local_finished = (flags & kUnidirectional) != 0;
  streams_[id] = stream;
  const bool fin = (flags & kFin) != 0;
  events_.OnStream(id, headers, fin);
  if (fin) RemoteFinished(id);
  return base::Ok();
}

Status Session::OnSynReply(std::string_view payload, uint8_t flags) {
  if (payload.size() < 4) return WrongSize("SYN_REPLY", payload.size());
  const uint32_t id = Get32(payload, 0) & kIdMask;
  ASSIGN_OR_RETURN(const Headers headers, ReadHeaders(payload.substr(4)));
  if (!streams_.contains(id)) return base::Ok();
  events_.OnReply(id, headers, (flags & kFin) != 0);
  if ((flags & kFin) != 0) RemoteFinished(id);
  return base::Ok();
}

Status Session::OnHeadersFrame(std::string_view payload, uint8_t flags) {
  if (payload.size() < 4) return WrongSize("HEADERS", payload.size());
  const uint32_t id = Get32(payload, 0) & kIdMask;
  ASSIGN_OR_RETURN(const Headers headers, ReadHeaders(payload.substr(4)));
  if (!streams_.contains(id)) return base::Ok();
  events_.OnHeaders(id, headers, (flags & kFin) != 0);
  if ((flags & kFin) != 0) RemoteFinished(id);
  return base::Ok();
}

Status Session::OnRstStream(std::string_view payload, uint8_t) {
  if (payload.size() != 8) return WrongSize("RST_STREAM", payload.size());
  const uint32_t id = Get32(payload, 0) & kIdMask;
  if (streams_.erase(id) > 0) events_.OnReset(id, Get32(payload, 4));
  return base::Ok();
}

Status Session::OnSettings(std::string_view payload, uint8_t) {
  if (payload.size() < 4 || (payload.size() - 4) % 8 != 0 ||
      Get32(payload, 0) != (payload.size() - 4) / 8)
    return WrongSize("SETTINGS", payload.size());
  for (size_t at = 4; at < payload.size(); at += 8) {
    if ((Get32(payload, at) & 0xffffff) != kInitialWindowSetting) continue;
    const int64_t window = Get32(payload, at + 4);
    if (window > kMaxWindow) return base::InvalidArgument("initial window of {} bytes", window);
    for (auto& [id, stream] : streams_) stream.send_window += window - initial_window_;
    initial_window_ = window;
    peer_keeps_streams_ = true;
    events_.OnWindow();
  }
  return base::Ok();
}

Status Session::OnPingFrame(std::string_view payload, uint8_t) {
  if (payload.size() != 4) return WrongSize("PING", payload.size());
  const uint32_t id = Get32(payload, 0);
  if (IsPeers(id)) {
    PutControl(kPing, 0, payload);
  } else {
    events_.OnPing(id);
  }
  return base::Ok();
}

Status Session::OnGoAwayFrame(std::string_view payload, uint8_t) {
  if (payload.size() != 8 && payload.size() != 4) return WrongSize("GOAWAY", payload.size());
  events_.OnGoAway(Get32(payload, 0) & kIdMask, payload.size() == 8 ? Get32(payload, 4) : 0);
  return base::Ok();
}

Status Session::OnWindowUpdate(std::string_view payload, uint8_t) {
  if (payload.size() != 8) return WrongSize("WINDOW_UPDATE", payload.size());
  const uint32_t id = Get32(payload, 0) & kIdMask;
  const int64_t more = Get32(payload, 4) & kIdMask;
  if (more == 0) return base::InvalidArgument("a window of stream {} that grows by nothing", id);
  if (id == 0) {
    peer_keeps_session_ = true;
    session_window_ += more;
    if (session_window_ > kMaxWindow) return base::InvalidArgument("the window is too large");
  } else {
    peer_keeps_streams_ = true;
    const auto it = streams_.find(id);
    if (it == streams_.end()) return base::Ok();
    it->second.send_window += more;
    if (it->second.send_window > kMaxWindow) {
      Reset(id, ResetStatus::kFlowControlError);
      events_.OnReset(id, static_cast<uint32_t>(ResetStatus::kFlowControlError));
      return base::Ok();
    }
  }
  events_.OnWindow();
  return base::Ok();
}

uint32_t Session::Open(const Headers& headers, bool fin) {
  const uint32_t id = next_id_;
  next_id_ += 2;
  Stream stream;
  stream.send_window = initial_window_;
  stream.local_finished = fin;
  streams_[id] = stream;
  std::string payload;
  Put32(payload, id);
  Put32(payload, 0);        // associated with no other
  payload.append(2, '\0');  // priority, slot
  payload += compressor_.Compress(headers);
  PutControl(kSynStream, fin ? kFin : 0, payload);
  return id;
}

void Session::Reply(uint32_t id, const Headers& headers, bool fin) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  std::string payload;
  Put32(payload, id);
  payload += compressor_.Compress(headers);
  PutControl(kSynReply, fin ? kFin : 0, payload);
  if (!fin) return;
  it->second.local_finished = true;
  EraseIfDone(id);
}

size_t Session::Room(uint32_t id) const {
  const auto it = streams_.find(id);
  if (it == streams_.end() || it->second.local_finished) return 0;
  int64_t room = kMaxWindow;
  if (peer_keeps_streams_) room = std::min(room, it->second.send_window);
  if (peer_keeps_session_) room = std::min(room, session_window_);
  return room > 0 ? static_cast<size_t>(room) : 0;
}

void Session::Send(uint32_t id, std::string_view data, bool fin) {
  const auto it = streams_.find(id);
  if (it == streams_.end() || it->second.local_finished || (data.empty() && !fin)) return;
  // Counted also for a peer that has not shown yet that it counts.
  it->second.send_window -= static_cast<int64_t>(data.size());
  session_window_ -= static_cast<int64_t>(data.size());
  do {
    const std::string_view piece = data.substr(0, kMaxDataBytes);
    data.remove_prefix(piece.size());
    Put32(output_, id);
    Put32(output_, static_cast<uint32_t>(piece.size()) |
                       static_cast<uint32_t>(fin && data.empty() ? kFin : 0) << 24);
    output_ += piece;
  } while (!data.empty());
  if (!fin) return;
  it->second.local_finished = true;
  EraseIfDone(id);
}

void Session::Reset(uint32_t id, ResetStatus status) {
  streams_.erase(id);
  PutReset(id, status);
}

void Session::PutReset(uint32_t id, ResetStatus status) {
  std::string payload;
  Put32(payload, id);
  Put32(payload, static_cast<uint32_t>(status));
  PutControl(kRstStream, 0, payload);
}

void Session::Consumed(uint32_t id, size_t bytes) {
  const auto give_back = [this](uint32_t stream, size_t& unacknowledged) {
    if (unacknowledged < kGiveBack) return;
    std::string payload;
    Put32(payload, stream);
    Put32(payload, static_cast<uint32_t>(unacknowledged));
    unacknowledged = 0;
    PutControl(kWindowUpdate, 0, payload);
  };
  session_unacknowledged_ += bytes;
  give_back(0, session_unacknowledged_);
  const auto it = streams_.find(id);
  if (it == streams_.end() || it->second.remote_finished) return;
  it->second.unacknowledged += bytes;
  give_back(id, it->second.unacknowledged);
}

void Session::Ping(uint32_t id) {
  std::string payload;
  Put32(payload, id);
  PutControl(kPing, 0, payload);
}

void Session::GoAway(GoAwayStatus status) {
  if (gone_away_) return;
  gone_away_ = true;
  std::string payload;
  Put32(payload, last_peer_id_);
  Put32(payload, static_cast<uint32_t>(status));
  PutControl(kGoAway, 0, payload);
}

void Session::PutControl(uint16_t type, uint8_t flags, std::string_view payload) {
  Put32(output_, 0x80000000u | static_cast<uint32_t>(kVersion) << 16 | type);
  Put32(output_, static_cast<uint32_t>(flags) << 24 | static_cast<uint32_t>(payload.size()));
  output_ += payload;
}

}  // namespace keelson::spdy
