// SPDX-License-Identifier: Apache-2.0
// HTTP/2 on one connection, over nghttp2: its streams, their bodies and answers. Floods (resets,
// pings, settings, empty frames) end the connection. The loop's thread. Private to this folder.
// Source: RFC 9113.
#pragma once

#include <nghttp2/nghttp2.h>

#include <unordered_map>
#include <vector>

#include "lib/http/service/connection.h"

namespace keelson::service {

class Http2 final : public Protocol {
 public:
  explicit Http2(Connection& connection);
  ~Http2() override;

  bool OnInput(std::string& in) override;
  void OnEnd() override;
  void Fill(Output& out) override;
  bool WantsRead() const override { return true; }
  bool Done() const override;
  void OnReady(Stream& stream) override;
  void Drain() override;
  void Close() override;
  Time Deadline() const override;
  bool OnDeadline() override;

  struct Entry {
    std::shared_ptr<Stream> stream;
    Time start;
    size_t header_bytes = 0;
    bool head_done = false;     // the request's head is whole
    bool request_done = false;  // and its body
    bool given = false;         // to the handler, or answered by us
    bool submitted = false;     // the answer's head is with nghttp2
  };

  // Called by nghttp2.
  int OnBeginHeaders(const nghttp2_frame& frame);
  int OnHeader(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int OnFrame(const nghttp2_frame& frame);
  int OnData(int32_t id, std::string_view bytes);
  int OnStreamClose(int32_t id);
  int OnFrameSent(const nghttp2_frame& frame);
  ssize_t ReadBody(int32_t id, size_t length, uint32_t* flags);
  int SendBody(int32_t id, const uint8_t* frame_head, size_t length);

 private:
  Entry* Find(int32_t id);
  bool Crowded();
  bool Spend();  // from the budget of frames that bring nothing; false: it is empty
  void HeadDone(Entry& entry);
  void Dispatch(Entry& entry);
  void Refuse(Entry& entry, int status, const std::string& message);
  void Submit(Entry& entry, const Stream::Head& head);

  Connection& connection_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, Entry> streams_;
  std::vector<std::shared_ptr<Stream>> closed_;  // whose handlers may still run
  size_t receiving_ = 0;                         // streams whose request is not whole
  Output* out_ = nullptr;                        // while Fill runs
  bool done_ = false;
  Time idle_since_;
  double budget_;
  Time budget_at_;
};

}  // namespace keelson::service
