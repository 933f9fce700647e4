// SPDX-License-Identifier: Apache-2.0
// Calls that go on until their client or the server ends them.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <stop_token>

#include "runtime/cri/call.h"

namespace keelson::cri_server {

// The calls that last, so that the server can end them when it stops. Any thread.
template <typename Call>
class LastingCalls {
 public:
  LastingCalls() = default;
  // After the server's end, which waits for every call; the lock lets the last of them leave its
  // erase().
  ~LastingCalls() { const std::lock_guard lock(mutex_); }
  LastingCalls(const LastingCalls&) = delete;
  LastingCalls& operator=(const LastingCalls&) = delete;
  template <typename... Arguments>
  Call* Add(Arguments... arguments) {
    auto* call = new Call(arguments..., [this](Call* gone) {
      const std::lock_guard lock(mutex_);
      calls_.erase(gone);
    });
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
    if (stopping_) call->Stop();
    return call;
  }
  bool Empty() {
    const std::lock_guard lock(mutex_);
    return calls_.empty();
  }
  template <typename Visitor>
  void ForEach(Visitor visit) {
    const std::lock_guard lock(mutex_);
    for (Call* call : calls_) visit(call);
  }
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Call* call : calls_) call->Stop();
  }

 private:
  std::mutex mutex_;
  std::set<Call*> calls_;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
};

// A call without a deadline of its own: a client that goes away no longer wants it.
class CancellableCall final : public Reactor {
 public:
  explicit CancellableCall(std::function<void(CancellableCall*)> gone) : gone_(std::move(gone)) {}
  std::stop_token token() const { return stop_.get_token(); }
  void Stop() { stop_.request_stop(); }
  void OnCancel() override { Stop(); }
  void OnDone() override {
    gone_(this);
    delete this;
  }

 private:
  const std::function<void(CancellableCall*)> gone_;
  std::stop_source stop_;
};

}  // namespace keelson::cri_server
