// SPDX-License-Identifier: Apache-2.0
// Clients for the tests of this folder that do what no well-behaved client does: bytes as they are
// over TCP, and HTTP/2 frame by frame. Blocking with deadlines; one thread.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lib/os/unique_fd.h"

namespace keelson::service {

inline std::chrono::steady_clock::time_point In(int seconds) {
  return std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
}

class RawClient {
 public:
  explicit RawClient(int port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0)
      setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Appends what comes to `received`; false at the end, on an error and after a while.
  bool Receive(int seconds = 60) {
    pollfd ready = {socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, seconds * 1000) <= 0) return false;
    char bytes[65536];
    const ssize_t got = recv(socket_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) {
      ended = true;
      return false;
    }
    received.append(bytes, static_cast<size_t>(got));
    return true;
  }
  bool ReceiveUntil(std::string_view text) {
    while (received.find(text) == std::string::npos)
      if (!Receive()) return false;
    return true;
  }
  std::string ReceiveAll() {
    while (Receive()) {
    }
    return received;
  }
  void FinishSending() { shutdown(socket_.get(), SHUT_WR); }
  void Close() { socket_.reset(); }
  int fd() const { return socket_.get(); }

  std::string received;
  bool ended = false;

 private:
  os::UniqueFd socket_;
};

// HTTP/2 without TLS, known beforehand.
class Http2Client {
 public:
  struct Answer {
    std::string status;
    std::string body;
    bool closed = false;
    uint32_t error = 0;
  };

  explicit Http2Client(int port) : raw_(port) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
           const uint8_t* value, size_t value_size, uint8_t, void* user) {
          if (std::string_view(reinterpret_cast<const char*>(name), name_size) == ":status")
            static_cast<Http2Client*>(user)->answers[frame->hd.stream_id].status.assign(
                reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
          static_cast<Http2Client*>(user)->answers[id].body.append(
              reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t id, uint32_t error, void* user) {
          Answer& answer = static_cast<Http2Client*>(user)->answers[id];
          answer.closed = true;
          answer.error = error;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          auto* self = static_cast<Http2Client*>(user);
          if (frame->hd.type == NGHTTP2_GOAWAY) {
            self->goaway = true;
            self->goaway_error = frame->goaway.error_code;
          }
          if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            self->settings = true;
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  int32_t Get(const std::string& path) {
    const std::string texts[] = {":method",    "GET",  ":scheme", "http",
                                 ":authority", "test", ":path",   path};
    std::vector<nghttp2_nv> fields;
    const auto bytes = [](const std::string& text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
    };
    for (size_t i = 0; i < std::size(texts); i += 2)
      fields.push_back({bytes(texts[i]), bytes(texts[i + 1]), texts[i].size(), texts[i + 1].size(),
                        NGHTTP2_NV_FLAG_NONE});
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), nullptr,
                                  nullptr);
  }
  void Reset(int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  void Ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }
  bool ended() const { return raw_.ended; }
  bool Flush() {
    const uint8_t* data = nullptr;
    for (ssize_t size = nghttp2_session_mem_send(session_, &data); size > 0;
         size = nghttp2_session_mem_send(session_, &data))
      if (!raw_.Send({reinterpret_cast<const char*>(data), static_cast<size_t>(size)}))
        return false;
    return true;
  }
  bool Step() {
    if (!Flush()) return false;
    raw_.received.clear();
    if (!raw_.Receive()) return false;
    return nghttp2_session_mem_recv(session_,
                                    reinterpret_cast<const uint8_t*>(raw_.received.data()),
                                    raw_.received.size()) >= 0 &&
           Flush();
  }
  template <typename F>
  bool Until(F&& done) {
    const auto deadline = In(60);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline || !Step()) return done();
    }
    return true;
  }

  std::map<int32_t, Answer> answers;
  bool goaway = false;
  bool settings = false;
  uint32_t goaway_error = 0;

 private:
  RawClient raw_;
  nghttp2_session* session_ = nullptr;
};

// Counts what happens on other threads.
class Count {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++value_;
    changed_.notify_all();
  }
  bool WaitFor(int value, std::chrono::milliseconds at_most = std::chrono::minutes(1)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return value_ >= value; });
  }
  int value() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

}  // namespace keelson::service
