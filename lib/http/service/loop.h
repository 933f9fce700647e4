// SPDX-License-Identifier: Apache-2.0
// One event-loop thread with its connections. Streams tell it from any thread that they have
// something to send; it asks each connection again about its deadlines twice a second. Lives as
// long as a stream knows it, its thread as long as the server. Private to this folder.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "lib/http/service/core.h"
#include "lib/http/service/transport.h"
#include "lib/os/event_loop.h"

namespace keelson::service {

class Connection;
class Stream;

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  static base::Result<std::shared_ptr<Loop>> Start(std::shared_ptr<Core> core);
  ~Loop();

  // Any thread.
  void Ready(std::shared_ptr<Stream> stream);
  void Add(os::UniqueFd socket, TlsContext tls, std::string remote);
  void Drain();  // no further requests on what is open
  void Join();   // closes everything, ends the thread; called once, from outside

  // The loop's own thread.
  os::EventLoop& events() { return *events_; }
  Core& core() { return *core_; }
  const std::shared_ptr<Core>& shared_core() const { return core_; }
  void Forget(Connection* connection);

 private:
  Loop(std::shared_ptr<Core> core, std::unique_ptr<os::EventLoop> events)
      : core_(std::move(core)), events_(std::move(events)) {}
  void SendReady();
  void Sweep();

  const std::shared_ptr<Core> core_;
  std::unique_ptr<os::EventLoop> events_;
  std::thread thread_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  bool draining_ = false;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Stream>> ready_;  // guarded by mutex_
  bool ended_ = false;                          // guarded by mutex_
};

}  // namespace keelson::service
