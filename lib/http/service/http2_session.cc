// SPDX-License-Identifier: Apache-2.0
// The seam to nghttp2: the session with its callbacks, and answers' heads.
#include "lib/base/strings.h"
#include "lib/http/service/http1_head.h"
#include "lib/http/service/http2.h"

namespace keelson::service {
namespace {

Http2& Of(void* user) { return *static_cast<Http2*>(user); }
std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_session_callbacks* Callbacks() {
  static nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    KEELSON_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return Of(user).OnBeginHeaders(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                 size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* user) {
          return Of(user).OnHeader(*frame, View(name, name_size), View(value, value_size));
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return Of(user).OnFrame(*frame);
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        made, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                 void* user) { return Of(user).OnData(id, View(data, size)); });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        made, [](nghttp2_session*, int32_t id, uint32_t, void* user) {
          return Of(user).OnStreamClose(id);
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        made, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return Of(user).OnFrameSent(*frame);
        });
    nghttp2_session_callbacks_set_send_data_callback(
        made, [](nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t length,
                 nghttp2_data_source*,
                 void* user) { return Of(user).SendBody(frame->hd.stream_id, head, length); });
    return made;
  }();
  return callbacks;
}

}  // namespace

Http2::Http2(Connection& connection)
    : connection_(connection),
      idle_since_(connection.now()),
      budget_(1000),
      budget_at_(connection.now()) {
  const ServerOptions& options = connection_.core().options;
  nghttp2_option* choice = nullptr;
  KEELSON_CHECK(nghttp2_option_new(&choice) == 0);
  nghttp2_option_set_no_closed_streams(choice, 1);
  nghttp2_option_set_max_outbound_ack(choice, 200);
  const int made = nghttp2_session_server_new2(&session_, Callbacks(), this, choice);
  nghttp2_option_del(choice);
  KEELSON_CHECK(made == 0);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(options.max_streams)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 512u << 10},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options.max_header_bytes)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 4 << 20);
}

Http2::~Http2() { nghttp2_session_del(session_); }

void Http2::Submit(Entry& entry, const Stream::Head& head) {
  const int32_t id = static_cast<int32_t>(entry.stream->id());
  Fields fields = {{":status", std::to_string(head.status)}};
  for (const auto& [name, value] : head.headers) {
    std::string lower = base::ToLower(name);
    if (lower == "connection" || lower == "transfer-encoding" || lower == "keep-alive" ||
        lower == "upgrade" || lower == "content-length" || base::ContainsControlCharacter(value))
      continue;
    fields.emplace_back(std::move(lower), value);
  }
  fields.emplace_back("date", HttpDate());
  const bool no_body = entry.stream->request().method == "HEAD" || head.status == 204 ||
                       head.status == 304 || (head.whole && head.length == 0);
  if (head.whole && head.status != 204 && head.status != 304)
    fields.emplace_back("content-length", std::to_string(head.length));
  std::vector<nghttp2_nv> names;
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const auto& [name, value] : fields)
    names.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider body{};
  body.read_callback = [](nghttp2_session*, int32_t stream, uint8_t*, size_t length,
                          uint32_t* flags, nghttp2_data_source*,
                          void* user) { return Of(user).ReadBody(stream, length, flags); };
  entry.submitted = true;
  nghttp2_submit_response(session_, id, names.data(), names.size(), no_body ? nullptr : &body);
}

std::unique_ptr<Protocol> MakeHttp2(Connection& connection) {
  return std::make_unique<Http2>(connection);
}

}  // namespace keelson::service
