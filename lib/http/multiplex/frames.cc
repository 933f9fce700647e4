// SPDX-License-Identifier: Apache-2.0
// The seam to nghttp2: the session with its callbacks, calls as streams, bytes in and out.
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/http/multiplex/session.h"

namespace keelson::multiplex {
namespace {

using service::Transport;
constexpr size_t kReadAtOnce = 256u << 10;
constexpr size_t kFillUpTo = 64u << 10;
// The server's answers are ours to size: a list of many MB should not wait for acknowledgements.
constexpr int32_t kStreamWindow = 4 << 20;
constexpr int32_t kConnectionWindow = 16 << 20;

Session& Of(void* user) { return *static_cast<Session*>(user); }
std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_session_callbacks* Callbacks() {
  static nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    KEELSON_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_header_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                 size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* user) {
          return Of(user).OnHeader(frame->hd.stream_id, View(name, name_size),
                                   View(value, value_size));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return Of(user).OnFrame(*frame);
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        made, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                 void* user) { return Of(user).OnData(id, View(data, size)); });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        made, [](nghttp2_session*, int32_t id, uint32_t error, void* user) {
          return Of(user).OnStreamClose(id, error);
        });
    return made;
  }();
  return callbacks;
}

}  // namespace

void Session::Opened() {
  stage_ = Stage::kOpen;
  KEELSON_CHECK(nghttp2_session_client_new(&http_, Callbacks(), this) == 0);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}};
  nghttp2_submit_settings(http_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(http_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  for (auto& [id, entry] : calls_) Submit(id, entry);
  ArmPing();
  Pump();
}

void Session::Submit(CallId id, Entry& entry) {
  const Call& call = entry.call;
  service::Fields fields = {{":method", call.method},
                            {":scheme", "https"},
                            {":authority", base::Endpoint(target_.host, target_.port)},
                            {":path", call.path}};
  for (const auto& [name, value] : call.headers) fields.emplace_back(base::ToLower(name), value);
  if (!call.body.empty()) fields.emplace_back("content-length", std::to_string(call.body.size()));
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  std::vector<nghttp2_nv> names;
  for (const auto& [name, value] : fields) {
    const bool secret = name == "authorization";
    names.push_back(
        {bytes(name), bytes(value), name.size(), value.size(),
         static_cast<uint8_t>(secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
  }
  nghttp2_data_provider body{};
  body.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* to, size_t size,
                          uint32_t* flags, nghttp2_data_source*,
                          void* user) { return Of(user).ReadBody(stream, to, size, flags); };
  const int32_t stream = nghttp2_submit_request(http_, nullptr, names.data(), names.size(),
                                                call.body.empty() ? nullptr : &body, nullptr);
  if (stream < 0) {
    going_away_ = true;  // the numbers of streams are used up
    loop_.Post([weak = weak_from_this(), id] {
      if (const auto self = weak.lock())
        self->Finish(id, base::Unavailable("the connection takes no further request"));
    });
    return;
  }
  entry.stream = stream;
  streams_[stream] = id;
}

ssize_t Session::ReadBody(int32_t stream, uint8_t* to, size_t size, uint32_t* flags) {
  Entry* entry = Find(stream);
  if (entry == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const size_t part = std::min(size, entry->call.body.size() - entry->sent);
  std::memcpy(to, entry->call.body.data() + entry->sent, part);
  entry->sent += part;
  if (entry->sent == entry->call.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(part);
}

Session::Entry* Session::Find(int32_t stream, CallId* id) {
  const auto it = streams_.find(stream);
  if (it == streams_.end()) return nullptr;
  if (id != nullptr) *id = it->second;
  const auto found = calls_.find(it->second);
  return found == calls_.end() ? nullptr : &found->second;
}

int Session::OnHeader(int32_t stream, std::string_view name, std::string_view value) {
  Entry* entry = Find(stream);
  if (entry == nullptr || entry->head) return 0;
  if (name == ":status") {
    entry->reply.status = static_cast<int>(base::ParseUint64(value).value_or(0));
    if (entry->reply.status < 200) entry->reply.headers.clear();
  } else if (!name.starts_with(':')) {
    entry->reply.headers.emplace_back(name, value);
  }
  return 0;
}

int Session::OnFrame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY) going_away_ = true;
  if (frame.hd.type != NGHTTP2_HEADERS) return 0;
  Entry* entry = Find(frame.hd.stream_id);
  if (entry == nullptr || entry->reply.status < 200) return 0;
  entry->head = true;
  if (entry->call.on_piece && entry->reply.status == 200 && entry->timer) {
    loop_.CancelTimer(*entry->timer);
    entry->timer.reset();
  }
  return 0;
}

int Session::OnData(int32_t stream, std::string_view bytes) {
  CallId id = 0;
  Entry* entry = Find(stream, &id);
  if (entry == nullptr) return 0;
  if (entry->call.on_piece && entry->reply.status == 200) {
    // A copy: the call may be cancelled from within.
    const auto on_piece = entry->call.on_piece;
    on_piece(bytes);
    return 0;
  }
  if (entry->reply.body.size() + bytes.size() <= entry->call.max_body) {
    entry->reply.body.append(bytes);
    return 0;
  }
  const std::string what = fmt::format("{} {}", entry->call.method, entry->call.path);
  nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  Finish(id, base::ResourceExhausted("{}: the answer has more than {} bytes", what,
                                     entry->call.max_body));
  return 0;
}

int Session::OnStreamClose(int32_t stream, uint32_t error) {
  CallId id = 0;
  Entry* entry = Find(stream, &id);
  if (entry == nullptr) return 0;
  if (error == NGHTTP2_NO_ERROR && entry->head) {
    Reply reply = std::move(entry->reply);
    Finish(id, std::move(reply));
  } else {
    Finish(id, base::Unavailable("{} {}: {} broke the answer off: {}", entry->call.method,
                                 entry->call.path, target_.host, nghttp2_http2_strerror(error)));
  }
  return 0;
}

void Session::Pump() {
  if (pumping_ || stage_ != Stage::kOpen) return;
  const auto self = shared_from_this();
  pumping_ = true;
  const bool readable = ReadSome();
  if (readable && stage_ == Stage::kOpen) (void)WriteSome();
  pumping_ = false;
}

bool Session::ReadSome() {
  std::string in;
  const Transport::Io io = transport_->Read(in, kReadAtOnce);
  if (!in.empty()) {
    heard_ = true;
    const ssize_t taken =
        nghttp2_session_mem_recv(http_, reinterpret_cast<const uint8_t*>(in.data()), in.size());
    if (stage_ != Stage::kOpen) return false;
    if (taken < 0) {
      Break(base::Unavailable("{} broke the rules of HTTP/2: {}", target_.host,
                              nghttp2_strerror(static_cast<int>(taken))));
      return false;
    }
  }
  if (io == Transport::Io::kDone) PumpSoon();  // TLS may hold more than the socket shows
  if (io != Transport::Io::kEnd && io != Transport::Io::kFailed) return true;
  Break(base::Unavailable("{} closed the connection", target_.host));
  return false;
}

bool Session::WriteSome() {
  for (;;) {
    while (out_.bytes() < kFillUpTo) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(http_, &data);
      if (size <= 0) break;
      out_.AppendText(View(data, static_cast<size_t>(size)));
    }
    if (out_.empty()) {
      Watch(false);
      break;
    }
    size_t sent = 0;
    const Transport::Io io = transport_->Write(out_, sent);
    if (io == Transport::Io::kEnd || io == Transport::Io::kFailed) {
      Break(base::Unavailable("{} closed the connection", target_.host));
      return false;
    }
    if (io != Transport::Io::kDone) {
      Watch(true);
      break;
    }
  }
  if (nghttp2_session_want_read(http_) == 0 && nghttp2_session_want_write(http_) == 0)
    Break(base::Unavailable("{} ended the connection", target_.host));
  return stage_ == Stage::kOpen;
}

void Session::Watch(bool write) {
  const uint32_t wanted = EPOLLIN | (write ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  if (wanted == watched_) return;
  watched_ = wanted;
  (void)loop_.Modify(*watch_, wanted);
}

void Session::ArmPing() {
  heard_ = false;
  ping_timer_ = loop_.After(options_.ping_after, [this] {
    ping_timer_.reset();
    Silence();
  });
}

// Nothing came for a while: a server that is there answers a ping.
void Session::Silence() {
  const auto self = shared_from_this();
  if (heard_ || calls_.empty()) return ArmPing();
  nghttp2_submit_ping(http_, NGHTTP2_FLAG_NONE, nullptr);
  ping_timer_ = loop_.After(options_.ping_timeout, [this] {
    ping_timer_.reset();
    if (heard_) return ArmPing();
    const auto kept = shared_from_this();
    Break(base::Unavailable("{} has not answered for {} seconds", target_.host,
                            std::chrono::duration_cast<std::chrono::seconds>(options_.ping_after +
                                                                             options_.ping_timeout)
                                .count()));
  });
  Pump();
}

}  // namespace keelson::multiplex
