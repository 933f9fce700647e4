// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/queue.h"

#include <algorithm>
#include <utility>

namespace keelson::control {
namespace {

std::chrono::milliseconds BackOff(int failures) {
  constexpr int64_t kLongest = 1'000'000;
  if (failures > 18) return std::chrono::milliseconds(kLongest);
  return std::chrono::milliseconds(std::min<int64_t>(kLongest, int64_t{5} << (failures - 1)));
}

}  // namespace

void Queue::Add(std::string key) {
  ++added_;
  if (const auto working = working_.find(key); working != working_.end()) {
    working->second = true;
    return;
  }
  MakeReady(std::move(key));
}

void Queue::MakeReady(std::string key) {
  if (const auto due = due_.find(key); due != due_.end()) {
    delayed_.erase({due->second, key});
    due_.erase(due);
  }
  if (is_ready_.insert(key).second) ready_.push_back(std::move(key));
}

void Queue::Delay(const std::string& key, base::SteadyTime until) {
  due_[key] = until;
  delayed_.emplace(until, key);
}

std::optional<std::string> Queue::Take() {
  if (ready_.empty()) return std::nullopt;
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  is_ready_.erase(key);
  working_.emplace(key, false);
  return key;
}

void Queue::Done(const std::string& key, const Outcome& outcome, base::SteadyTime now) {
  const auto working = working_.find(key);
  const bool again = working->second;
  working_.erase(working);
  if (outcome.failed) {
    ++failed_;
    last_error_ = *outcome.failed;
    last_error_key_ = key;
    const int failures = ++failures_[key];
    if (again)
      MakeReady(key);
    else
      Delay(key, now + BackOff(failures));
    return;
  }
  ++synced_;
  failures_.erase(key);
  if (last_error_key_ == key) {
    last_error_.clear();
    last_error_key_.clear();
  }
  if (again) {
    MakeReady(key);
  } else if (outcome.again) {
    Delay(key, now + *outcome.again);
  }
}

void Queue::Release(base::SteadyTime now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    std::string key = delayed_.begin()->second;
    MakeReady(std::move(key));
  }
}

std::optional<base::SteadyTime> Queue::NextDue() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

}  // namespace keelson::control
