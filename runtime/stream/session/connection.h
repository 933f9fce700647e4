// SPDX-License-Identifier: Apache-2.0
// One client from accept to close: its HTTP head, its token, its session. One thread; the owner
// destroys it only between callbacks, after on_gone.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/stream/session/client_session.h"
#include "runtime/stream/session/daemon_link.h"
#include "runtime/stream/session/transport.h"
#include "runtime/stream/session/upgrade.h"

namespace keelson::stream {

class Connection final : private Host {
 public:
  Connection(os::EventLoop& loop, DaemonLink& daemon, uint64_t id, const Config& config,
             os::UniqueFd socket, std::shared_ptr<TlsContext> tls, std::function<void()> on_gone);
  ~Connection() override;
  void Start();
  void OnPacket(Packet packet);  // of this session, from the daemon
  bool granted() const { return granted_; }

 private:
  os::EventLoop& loop() override { return loop_; }
  Wire& wire() override { return *wire_; }
  void TellDaemon(Type type, std::string_view payload) override;
  void SetListening(bool on) override;
  void EndSession() override;

  void OnBytes(std::string_view bytes);
  void OnHead();
  void OnGrant(const Packet& packet);
  base::Status BeginSession(Grant grant);
  void FeedSession(std::string_view bytes);
  void Refuse(const Refusal& refusal);
  void OnGone();
  void CloseAtDaemon();
  void WatchIdle();
  void WatchAlive();
  void Over();

  os::EventLoop& loop_;
  DaemonLink& daemon_;
  const uint64_t id_;
  const Config& config_;
  std::function<void()> on_gone_;
  Transport transport_;
  enum class Stage { kHead, kGranting, kStreaming, kOver } stage_ = Stage::kHead;
  std::string head_;  // and what came after it, until the session is there
  Upgrade upgrade_;
  bool granted_ = false;
  bool known_to_daemon_ = false;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<ClientSession> session_;
  os::EventLoop::TimerId head_timer_ = 0;
  os::EventLoop::TimerId idle_timer_ = 0;
  os::EventLoop::TimerId alive_timer_ = 0;
  os::EventLoop::TimerId reap_timer_ = 0;
  uint64_t idle_moved_ = 0;
};

}  // namespace keelson::stream
