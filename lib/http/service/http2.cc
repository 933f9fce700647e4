// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/http2.h"

#include <algorithm>
#include <charconv>

#include "lib/base/strings.h"
#include "lib/http/service/http1_head.h"

namespace keelson::service {
namespace {
constexpr size_t kFillUpTo = 64u << 10;
constexpr std::chrono::seconds kThrowAway(2);
constexpr double kBudget = 1000;  // frames that bring nothing, at once
constexpr double kBudgetPerSecond = 100;
}  // namespace

Http2::Entry* Http2::Find(int32_t id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : &it->second;
}

// Handlers of streams that were reset run on: they count, or a client could start any number.
bool Http2::Crowded() {
  std::erase_if(closed_, [](const auto& stream) { return !stream->handler_running(); });
  return streams_.size() + closed_.size() >= connection_.core().options.max_streams;
}

bool Http2::Spend() {
  const Time now = connection_.now();
  const double passed = std::chrono::duration<double>(now - budget_at_).count();
  budget_ = std::min(kBudget, budget_ + passed * kBudgetPerSecond);
  budget_at_ = now;
  budget_ -= 1;
  return budget_ >= 0;
}

int Http2::OnBeginHeaders(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  const int32_t id = frame.hd.stream_id;
  if (Crowded()) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return 0;
  }
  Entry& entry = streams_[id];
  entry.start = connection_.now();
  entry.stream = std::make_shared<Stream>(connection_.loop(), connection_.weak_from_this(), id);
  Request& request = entry.stream->mutable_request();
  request.version = 2;
  request.peer = connection_.peer();
  request.remote = connection_.remote();
  request.tls = connection_.tls();
  ++receiving_;
  return 0;
}

int Http2::OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  Entry* entry = Find(frame.hd.stream_id);
  if (entry == nullptr || entry->head_done) return 0;  // trailers are not looked at
  entry->header_bytes += name.size() + value.size() + 32;
  if (entry->header_bytes > connection_.core().options.max_header_bytes) return 0;
  Request& request = entry->stream->mutable_request();
  if (name == ":method") {
    request.method = value;
  } else if (name == ":path") {
    request.target = value;
  } else if (name == ":authority") {
    request.headers.emplace_back("host", value);
  } else if (!name.starts_with(':')) {
    request.headers.emplace_back(name, value);
  }
  return 0;
}

int Http2::OnFrame(const nghttp2_frame& frame) {
  const bool last = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      if (frame.hd.type == NGHTTP2_DATA && !last && frame.hd.length == 0 && !Spend()) break;
      Entry* entry = Find(frame.hd.stream_id);
      if (entry == nullptr) return 0;
      if (frame.hd.type == NGHTTP2_HEADERS && !entry->head_done) HeadDone(*entry);
      if (!last || entry->request_done) return 0;
      entry->request_done = true;
      --receiving_;
      Dispatch(*entry);
      return 0;
    }
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PRIORITY:
      if (Spend()) return 0;
      break;
    default:
      return 0;
  }
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  return 0;
}

void Http2::HeadDone(Entry& entry) {
  entry.head_done = true;
  const ServerOptions& options = connection_.core().options;
  Request& request = entry.stream->mutable_request();
  if (entry.header_bytes > options.max_header_bytes) {
    Refuse(entry, 431, "the request's header fields are too large");
    return;
  }
  if (!ParseTarget(request)) {
    Refuse(entry, 400, "the request's target is not a path");
    return;
  }
  const std::string* length = FindHeader(request.headers, "content-length");
  const auto bytes = length == nullptr ? std::nullopt : base::ParseUint64(*length);
  if (bytes && *bytes > options.max_body_bytes)
    Refuse(entry, 413,
           fmt::format("Request entity too large: limit is {}", options.max_body_bytes));
}

int Http2::OnData(int32_t id, std::string_view bytes) {
  Entry* entry = Find(id);
  if (entry == nullptr || entry->given) return 0;
  std::string& body = entry->stream->mutable_request().body;
  const size_t limit = connection_.core().options.max_body_bytes;
  if (body.size() + bytes.size() > limit) {
    Refuse(*entry, 413, fmt::format("Request entity too large: limit is {}", limit));
  } else if (!entry->stream->charge().Add(bytes.size())) {
    Refuse(*entry, 503, "too many requests are being received, try again later");
  } else {
    body.append(bytes);
  }
  return 0;
}

void Http2::Dispatch(Entry& entry) {
  if (entry.given) return;
  entry.given = true;
  const std::shared_ptr<Stream> stream = entry.stream;
  if (connection_.core().dispatch(stream)) return;
  auto [type, text] = connection_.core().ErrorBody(503, "too many requests, try again later");
  stream->Respond(503, {{"Content-Type", type}, {"Retry-After", "1"}}, std::move(text));
}

void Http2::Refuse(Entry& entry, int status, const std::string& message) {
  entry.given = true;
  auto [type, text] = connection_.core().ErrorBody(status, message);
  Fields headers = {{"Content-Type", type}};
  if (status == 503) headers.emplace_back("Retry-After", "1");
  entry.stream->Respond(status, std::move(headers), std::move(text));
}

int Http2::OnStreamClose(int32_t id) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return 0;
  const std::shared_ptr<Stream> stream = it->second.stream;
  if (!it->second.request_done) --receiving_;
  streams_.erase(it);
  if (streams_.empty()) idle_since_ = connection_.now();
  if (stream->handler_running()) closed_.push_back(stream);
  const Stream::Pending left = stream->pending();
  stream->SetGone(left.ended && left.bytes == 0);
  return 0;
}

// The answer is out before the request is in (413): the rest of the body is thrown away for a short
// while, since clients that are cut off in the middle of sending do not look at the answer.
int Http2::OnFrameSent(const nghttp2_frame& frame) {
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  if (frame.hd.type != NGHTTP2_DATA && frame.hd.type != NGHTTP2_HEADERS) return 0;
  Entry* entry = Find(frame.hd.stream_id);
  if (entry == nullptr || entry->request_done) return 0;
  const auto timeout = connection_.core().options.body_timeout;
  entry->start = std::min(entry->start, connection_.now() + kThrowAway - timeout);
  return 0;
}

ssize_t Http2::ReadBody(int32_t id, size_t length, uint32_t* flags) {
  const Entry* entry = Find(id);
  if (entry == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const Stream::Pending pending = entry->stream->pending();
  const size_t bytes = std::min(length, pending.bytes);
  if (pending.ended && bytes == pending.bytes) *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (bytes == 0) return pending.ended ? 0 : NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  return static_cast<ssize_t>(bytes);
}

int Http2::SendBody(int32_t id, const uint8_t* frame_head, size_t length) {
  if (out_->bytes() >= kFillUpTo) return NGHTTP2_ERR_WOULDBLOCK;
  Entry* entry = Find(id);
  if (entry == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  out_->AppendText({reinterpret_cast<const char*>(frame_head), 9});
  const std::shared_ptr<Stream> stream = entry->stream;
  stream->TakeBody(*out_, length);
  return 0;
}

void Http2::OnReady(Stream& stream) {
  const auto id = static_cast<int32_t>(stream.id());
  Entry* entry = Find(id);
  if (entry == nullptr || entry->stream.get() != &stream) return;
  if (stream.aborted()) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  if (entry->submitted) {
    (void)nghttp2_session_resume_data(session_, id);
    return;
  }
  if (const auto head = stream.TakeHead()) Submit(*entry, *head);
}

bool Http2::OnInput(std::string& in) {
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(in.data()), in.size());
  if (taken < 0) {
    // Too many frames that want an answer, or no HTTP/2 at all: the client is told and let go.
    nghttp2_session_terminate_session(session_, taken == NGHTTP2_ERR_FLOODED
                                                    ? NGHTTP2_ENHANCE_YOUR_CALM
                                                    : NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  in.erase(0, static_cast<size_t>(taken));
  return true;
}

void Http2::Fill(Output& out) {
  out_ = &out;
  while (!done_ && out.bytes() < kFillUpTo) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size < 0) done_ = true;
    if (size <= 0) break;
    out.AppendText({reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
  }
  out_ = nullptr;
}

bool Http2::Done() const {
  return done_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

void Http2::OnEnd() {
  done_ = true;
  Close();
}

void Http2::Drain() {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Http2::Close() {
  std::unordered_map<int32_t, Entry> streams;
  streams.swap(streams_);
  receiving_ = 0;
  for (auto& [id, entry] : streams) entry.stream->SetGone(false);
  done_ = true;
}

Time Http2::Deadline() const {
  const ServerOptions& options = connection_.core().options;
  if (streams_.empty()) return idle_since_ + options.idle_timeout;
  Time first = Time::max();
  if (receiving_ == 0) return first;
  for (const auto& [id, entry] : streams_)
    if (!entry.request_done) first = std::min(first, entry.start + options.body_timeout);
  return first;
}

bool Http2::OnDeadline() {
  if (streams_.empty()) {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    return false;
  }
  const Time late = connection_.now() - connection_.core().options.body_timeout;
  for (auto& [id, entry] : streams_) {
    if (entry.request_done || entry.start > late) continue;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id,
                              entry.given ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    entry.start = Time::max() - std::chrono::hours(24);  // said once
  }
  return true;
}

}  // namespace keelson::service
