// SPDX-License-Identifier: Apache-2.0
// The keys of one controller: each is ready, delayed, worked on, or none of that, and in one place
// only. A key that is added while it is worked on is ready again when that is over. One that failed
// waits 5 ms, doubling to 1,000 s, unless it is added meanwhile. Not thread-safe: the manager's
// lock guards it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/clock.h"
#include "minimal-master/control/controller.h"

namespace keelson::control {

class Queue {
 public:
  void Add(std::string key);
  // The next one that is ready; worked on from now on.
  std::optional<std::string> Take();
  void Done(const std::string& key, const Outcome& outcome, base::SteadyTime now);
  // What was delayed until now is ready.
  void Release(base::SteadyTime now);
  std::optional<base::SteadyTime> NextDue() const;

  size_t waiting() const { return ready_.size(); }
  size_t delayed() const { return due_.size(); }
  size_t working() const { return working_.size(); }
  uint64_t added() const { return added_; }
  uint64_t synced() const { return synced_; }
  uint64_t failed() const { return failed_; }
  const std::string& last_error() const { return last_error_; }

 private:
  void MakeReady(std::string key);
  void Delay(const std::string& key, base::SteadyTime until);

  std::deque<std::string> ready_;
  std::unordered_set<std::string> is_ready_;
  std::unordered_map<std::string, bool> working_;  // true: to be looked at once more
  std::set<std::pair<base::SteadyTime, std::string>> delayed_;
  std::unordered_map<std::string, base::SteadyTime> due_;  // of delayed_
  std::unordered_map<std::string, int> failures_;          // in a row
  uint64_t added_ = 0;
  uint64_t synced_ = 0;
  uint64_t failed_ = 0;
  std::string last_error_;
  std::string last_error_key_;
};

}  // namespace keelson::control
