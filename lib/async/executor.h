// SPDX-License-Identifier: Apache-2.0
// Worker threads for code that may block. Grows to `limit` threads while work waits, shrinks to
// none that are idle for a while; the queue is bounded only by what callers keep open, so callers
// bound that. Post() from any thread; the destructor runs what is queued.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace keelson::async {

class Executor {
 public:
  explicit Executor(size_t limit = 64) : limit_(limit) {}
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void Post(std::function<void()> work);

 private:
  void Run();

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  size_t threads_ = 0;                       // guarded by mutex_
  size_t idle_ = 0;                          // guarded by mutex_
  bool stop_ = false;                        // guarded by mutex_
};

}  // namespace keelson::async
