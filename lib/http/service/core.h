// SPDX-License-Identifier: Apache-2.0
// What all connections of a server share: its bounds, the counters that keep them, and the way to
// the handlers. Thread-safe. Private to this folder.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "lib/http/service/exchange.h"
#include "lib/http/service/options.h"

namespace keelson::service {

class Stream;

struct Core {
  explicit Core(ServerOptions given) : options(std::move(given)) {}

  const ServerOptions options;
  // Calls the handler on a worker; false: too many wait. Only called while the loops run.
  std::function<bool(std::shared_ptr<Stream>)> dispatch;
  std::atomic<size_t> connections{0};
  std::atomic<size_t> buffered_bytes{0};  // of request bodies
  std::mutex mutex;
  std::condition_variable closed;

  void ConnectionClosed() {
    const std::lock_guard lock(mutex);
    --connections;
    closed.notify_all();
  }
  void WaitForConnections(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex);
    closed.wait_for(lock, at_most, [this] { return connections == 0; });
  }
  std::pair<std::string, std::string> ErrorBody(int status, const std::string& message) const {
    if (options.format_error) return options.format_error(status, message);
    return {"text/plain; charset=utf-8", message + "\n"};
  }
};

// Bytes of a body counted against ServerOptions::max_buffered_bytes for as long as this lives.
class BodyCharge {
 public:
  explicit BodyCharge(Core& core) : core_(core) {}
  ~BodyCharge() { core_.buffered_bytes -= bytes_; }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;
  bool Add(size_t bytes) {
    bytes_ += bytes;
    return core_.buffered_bytes.fetch_add(bytes) + bytes <= core_.options.max_buffered_bytes;
  }

 private:
  Core& core_;
  size_t bytes_ = 0;
};

}  // namespace keelson::service
