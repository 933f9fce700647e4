// SPDX-License-Identifier: Apache-2.0
// EventLoop: one epoll(7) loop for descriptors and timers. Run() and every callback are on one
// thread; only Post() and Stop() may be called from others. Callbacks must not block. A callback
// may remove any watch or timer, its own too.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

class EventLoop {
 public:
  static base::Result<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();

  using WatchId = uint64_t;
  using TimerId = uint64_t;
  // `events` as in epoll_ctl(2) (EPOLLIN, EPOLLOUT, …), level-triggered; the descriptor stays the
  // caller's and must outlive the watch.
  base::Result<WatchId> Watch(int fd, uint32_t events,
                              std::function<void(uint32_t ready)> callback);
  base::Status Modify(WatchId id, uint32_t events);
  void Unwatch(WatchId id);

  TimerId After(std::chrono::nanoseconds delay, std::function<void()> callback);
  void CancelTimer(TimerId id);

  void Post(std::function<void()> work);  // any thread
  void Stop();                            // any thread; Run() returns after the current callback
  void Run();
  // One wait of at most `timeout` and the callbacks it brings; for tests and for loops with a phase
  // of their own.
  void RunOnce(std::chrono::nanoseconds timeout);

 private:
  struct WatchEntry;
  EventLoop(UniqueFd epoll, UniqueFd wake);
  void RunPosted();
  void RunTimers();
  int TimeoutMillis(std::chrono::nanoseconds at_most) const;

  UniqueFd epoll_;
  UniqueFd wake_;
  uint64_t next_id_ = 1;
  std::map<WatchId, std::shared_ptr<WatchEntry>> watches_;
  std::map<std::pair<base::SteadyTime, TimerId>, std::function<void()>> timers_;
  std::map<TimerId, base::SteadyTime> timer_times_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  bool stop_ = false;                          // guarded by mutex_
};

}  // namespace keelson::os
