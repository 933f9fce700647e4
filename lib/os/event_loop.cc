// SPDX-License-Identifier: Apache-2.0
#include "lib/os/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace keelson::os {

using base::Error;

struct EventLoop::WatchEntry {
  int fd;
  std::function<void(uint32_t)> callback;
};

namespace {
base::SteadyTime Now() { return base::SystemClock().Steady(); }
}  // namespace

base::Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error::FromErrno(errno, "epoll_create1");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return Error::FromErrno(errno, "eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0)
    return Error::FromErrno(errno, "epoll_ctl");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

EventLoop::EventLoop(UniqueFd epoll, UniqueFd wake)
    : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
EventLoop::~EventLoop() = default;

base::Result<EventLoop::WatchId> EventLoop::Watch(int fd, uint32_t events,
                                                  std::function<void(uint32_t)> callback) {
  const WatchId id = next_id_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Error::FromErrno(errno, "watch descriptor {}", fd);
  watches_[id] = std::make_shared<WatchEntry>(WatchEntry{fd, std::move(callback)});
  return id;
}

base::Status EventLoop::Modify(WatchId id, uint32_t events) {
  const auto it = watches_.find(id);
  if (it == watches_.end()) return base::NotFound("no watch {}", id);
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, it->second->fd, &event) != 0)
    return Error::FromErrno(errno, "change watch");
  return base::Ok();
}

void EventLoop::Unwatch(WatchId id) {
  const auto it = watches_.find(id);
  if (it == watches_.end()) return;
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, it->second->fd, nullptr);
  watches_.erase(it);
}

EventLoop::TimerId EventLoop::After(std::chrono::nanoseconds delay,
                                    std::function<void()> callback) {
  const TimerId id = next_id_++;
  const base::SteadyTime at = Now() + delay;
  timers_[{at, id}] = std::move(callback);
  timer_times_[id] = at;
  return id;
}

void EventLoop::CancelTimer(TimerId id) {
  const auto it = timer_times_.find(id);
  if (it == timer_times_.end()) return;
  timers_.erase({it->second, id});
  timer_times_.erase(it);
}

void EventLoop::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void EventLoop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void EventLoop::Run() {
  while (true) {
    RunOnce(std::chrono::hours(1));
    const std::lock_guard lock(mutex_);
    if (stop_) break;
  }
  const std::lock_guard lock(mutex_);
  stop_ = false;
}

int EventLoop::TimeoutMillis(std::chrono::nanoseconds at_most) const {
  std::chrono::nanoseconds wait = at_most;
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first.first - Now());
  if (wait.count() <= 0) return 0;
  // Rounded up, so that a timer is never polled for in a tight loop just before it is due.
  return static_cast<int>((wait.count() + 999'999) / 1'000'000);
}

void EventLoop::RunOnce(std::chrono::nanoseconds timeout) {
  epoll_event events[64];
  const int n = epoll_wait(epoll_.get(), events, 64, TimeoutMillis(timeout));
  for (int i = 0; i < n; ++i) {
    if (events[i].data.u64 == 0) {
      uint64_t count = 0;
      (void)!read(wake_.get(), &count, sizeof count);
      continue;
    }
    const auto it = watches_.find(events[i].data.u64);
    if (it == watches_.end()) continue;  // removed by an earlier callback of this round
    const std::shared_ptr<WatchEntry> entry = it->second;
    entry->callback(events[i].events);
  }
  RunPosted();
  RunTimers();
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const std::function<void()>& item : work) item();
}

void EventLoop::RunTimers() {
  const base::SteadyTime now = Now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto first = timers_.begin();
    const std::function<void()> callback = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    callback();
  }
}

}  // namespace keelson::os
