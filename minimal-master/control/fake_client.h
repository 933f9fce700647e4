// SPDX-License-Identifier: Apache-2.0
// For tests of what applies: keeps the writes it is given, answers them with their bodies or with
// a failure set before. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "minimal-master/control/client.h"

namespace keelson::control {

class FakeClient final : public Client {
 public:
  status::Or<json::Value> Do(std::string_view, const Write& write) override {
    const std::lock_guard lock(mutex_);
    writes_.push_back(write);
    if (answer) return answer(write);
    return write.body;
  }
  std::vector<Write> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(writes_, {});
  }
  std::function<status::Or<json::Value>(const Write&)> answer;  // set before use

 private:
  std::mutex mutex_;
  std::vector<Write> writes_;  // guarded by mutex_
};

}  // namespace keelson::control
