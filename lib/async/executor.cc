// SPDX-License-Identifier: Apache-2.0
#include "lib/async/executor.h"

#include <chrono>
#include <thread>

namespace keelson::async {

Executor::~Executor() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  ready_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0; });
}

void Executor::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  if (idle_ >= queue_.size() || threads_ >= limit_) {
    ready_.notify_one();
    return;
  }
  ++threads_;
  // Detached, but counted: the destructor waits for every one of them.
  std::thread([this] { Run(); }).detach();
}

void Executor::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (queue_.empty()) {
      if (stop_) break;
      ++idle_;
      const bool called = ready_.wait_for(lock, std::chrono::seconds(10),
                                          [this] { return stop_ || !queue_.empty(); });
      --idle_;
      if (!called) break;
      continue;
    }
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
  --threads_;
  // Under the lock: the executor may be gone the moment it is released.
  ended_.notify_all();
}

}  // namespace keelson::async
