// SPDX-License-Identifier: Apache-2.0
// One connection: dials, shakes hands, speaks HTTP/2 through nghttp2 until it breaks or is no
// longer wanted. On the loop's thread. Private to this folder.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <optional>

#include "lib/http/multiplex/client.h"
#include "lib/http/service/transport.h"
#include "lib/os/dial.h"

namespace keelson::multiplex {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(os::EventLoop& loop, Target target, Client::Options options);
  ~Session();

  void Start();
  void Add(CallId id, Call call);
  void Cancel(CallId id);
  void Close();  // silently
  // No further calls here: it broke, or the server is about to close it.
  bool spent() const { return stage_ == Stage::kOver || going_away_; }
  bool empty() const { return calls_.empty(); }
  bool over() const { return stage_ == Stage::kOver; }

  // Called by nghttp2.
  int OnHeader(int32_t stream, std::string_view name, std::string_view value);
  int OnFrame(const nghttp2_frame& frame);
  int OnData(int32_t stream, std::string_view bytes);
  int OnStreamClose(int32_t stream, uint32_t error);
  ssize_t ReadBody(int32_t stream, uint8_t* to, size_t size, uint32_t* flags);

 private:
  enum class Stage { kConnecting, kShaking, kOpen, kOver };
  struct Entry {
    Call call;
    int32_t stream = 0;  // 0: waits for the connection
    size_t sent = 0;     // of the body
    Reply reply;
    bool head = false;
    std::optional<os::EventLoop::TimerId> timer;
  };

  void ConnectNext();
  void OnReady();
  void Connected();
  void Shake();
  void Opened();
  void Submit(CallId id, Entry& entry);
  void Pump();
  void PumpSoon();
  bool ReadSome();
  bool WriteSome();
  void Watch(bool write);
  void Break(const base::Error& why);
  void Finish(CallId id, base::Result<Reply> result);
  void ArmPing();
  void Silence();
  Entry* Find(int32_t stream, CallId* id = nullptr);

  os::EventLoop& loop_;
  const Target target_;
  const Client::Options options_;
  Stage stage_ = Stage::kConnecting;
  bool going_away_ = false;
  os::Dial dial_;
  service::TlsContext tls_;
  std::unique_ptr<service::Transport> transport_;
  nghttp2_session* http_ = nullptr;
  std::optional<os::EventLoop::WatchId> watch_;
  std::optional<os::EventLoop::TimerId> dial_timer_;
  std::optional<os::EventLoop::TimerId> ping_timer_;
  uint32_t watched_ = 0;
  bool heard_ = false;
  bool pumping_ = false;
  bool pump_posted_ = false;
  service::Output out_;
  std::map<CallId, Entry> calls_;
  std::map<int32_t, CallId> streams_;
};

}  // namespace keelson::multiplex
