// SPDX-License-Identifier: Apache-2.0
// keelson-stream as a whole: accepts clients and brings packets of the daemon to the session they
// belong to. One thread.
#pragma once

#include <map>
#include <memory>

#include "lib/os/event_loop.h"
#include "runtime/stream/session/connection.h"
#include "runtime/stream/session/daemon_link.h"

namespace keelson::stream {

class Service {
 public:
  Service(os::EventLoop& loop, Config config, os::UniqueFd listener, os::UniqueFd control,
          std::shared_ptr<TlsContext> tls);
  ~Service();
  // Serves until the daemon is gone; the loop then stops.
  base::Status Start();

 private:
  void OnClient();
  void Pause();
  bool HasPlace() const;

  os::EventLoop& loop_;
  const Config config_;
  os::UniqueFd listener_;
  DaemonLink daemon_;
  std::shared_ptr<TlsContext> tls_;
  os::EventLoop::WatchId watch_ = 0;
  uint64_t next_ = 1;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace keelson::stream
