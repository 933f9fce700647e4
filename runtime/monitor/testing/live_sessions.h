// SPDX-License-Identifier: Apache-2.0
// For tests: what live commands and attached clients say, and what they are told.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/os/unique_fd.h"
#include "runtime/monitor/client.h"

namespace keelson::monitor {

// What sessions were told; an end may be told when the test is over.
class Ends {
 public:
  MonitorClient::EndHandler Handler() {
    return [state = state_](const SessionEnd& end) {
      const std::lock_guard lock(state->mutex);
      state->ends.push_back(end);
      state->changed.notify_all();
    };
  }
  std::optional<SessionEnd> Wait(size_t count = 1) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::seconds(60),
                             [&] { return state_->ends.size() >= count; });
    return state_->ends.size() == count ? std::optional(state_->ends.back()) : std::nullopt;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<SessionEnd> ends;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Until the end of the stream, or of a terminal.
inline std::string ReadEnd(const os::UniqueFd& fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

// Until `what` has come.
inline std::string ReadUntil(const os::UniqueFd& fd, const std::string& what) {
  std::string text;
  char buffer[4096];
  pollfd item{fd.get(), POLLIN, 0};
  while (text.find(what) == std::string::npos && poll(&item, 1, 60000) > 0) {
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

}  // namespace keelson::monitor
