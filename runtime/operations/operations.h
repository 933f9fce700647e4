// SPDX-License-Identifier: Apache-2.0
// What the daemon is doing: every call under way with its stage and age, so that a step that hangs
// can be named, and what each took once it is done. An Operation belongs to the thread that made
// it; deeper code marks stages by the thread. Listing never waits for an operation.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/clock.h"

namespace keelson::operations {

struct UnderWay {
  std::string call;    // "StartContainer"
  std::string object;  // an id, or namespace/name
  std::string stage;
  std::chrono::nanoseconds age{};           // of the call
  std::chrono::nanoseconds age_of_stage{};  // of the stage
};

struct Finished {
  std::string call;
  std::string object;
  bool ok = true;
  std::chrono::nanoseconds total{};
  std::vector<std::pair<const char*, std::chrono::nanoseconds>> stages;  // in order
};

class Operation;

class Operations {
 public:
  using Sink = std::function<void(const Finished&)>;
  // `sink`: called on the operation's thread; must not block.
  explicit Operations(const base::Clock& clock, Sink sink = nullptr)
      : clock_(clock), sink_(std::move(sink)) {}
  std::vector<UnderWay> List() const;  // oldest first

 private:
  friend class Operation;
  const base::Clock& clock_;
  const Sink sink_;
  mutable std::mutex mutex_;
  std::set<const Operation*> under_way_;  // guarded by mutex_
};

class Operation {
 public:
  // `call` outlives it: a literal.
  Operation(Operations& owner, const char* call, std::string object);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  // It begins anew on this thread: what was before, the wait for a thread, is its first stage.
  void Begin();
  void Failed() { ok_ = false; }
  void Stage(const char* name);  // a literal; ends the stage before
  void Within(const std::vector<std::pair<const char*, std::chrono::nanoseconds>>& parts);

 private:
  friend class Operations;
  Operations& owner_;
  const char* const call_;
  const std::string object_;
  const base::SteadyTime start_;
  std::atomic<const char*> stage_;
  std::atomic<base::SteadyTime> since_;
  std::vector<std::pair<const char*, std::chrono::nanoseconds>> stages_;
  std::vector<std::pair<const char*, std::chrono::nanoseconds>> parts_;  // of the stage under way
  bool ok_ = true;
  Operation* outer_ = nullptr;
  bool current_ = false;
};

// Marks a stage of whatever this thread is doing; nothing when it is doing nothing that counts.
void Stage(const char* name);
// What the stage under way consisted of, as somebody else has told: stages of their own, out of
// its time. Names outlive the operation: literals.
void Within(const std::vector<std::pair<const char*, std::chrono::nanoseconds>>& parts);

// "StartContainer 3.1 ms: plan 0.1, volumes 0.2, monitor 2.8 (slowest)".
std::string Describe(const Finished& finished);

}  // namespace keelson::operations
