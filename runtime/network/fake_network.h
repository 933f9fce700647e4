// SPDX-License-Identifier: Apache-2.0
// A pod network that only remembers: for tests of what stands above it. Thread-safe.
#pragma once

#include <map>
#include <mutex>

#include "runtime/network/network.h"

namespace keelson::network {

class FakeNetwork final : public PodNetwork {
 public:
  base::Status Ready() override { return ready; }
  base::Result<PodAddress> Setup(const PodRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (!setup.ok()) return setup.error();
    const size_t number = pods_.size() + 2;
    return pods_
        .try_emplace(request.sandbox_id, PodAddress{{"10.0.0." + std::to_string(number)}, "fake"})
        .first->second;
  }
  base::Status Teardown(const std::string& sandbox_id) override {
    const std::lock_guard lock(mutex_);
    pods_.erase(sandbox_id);
    return {};
  }
  base::Status CollectGarbage(const std::vector<std::string>&) override { return {}; }
  size_t pods() {
    const std::lock_guard lock(mutex_);
    return pods_.size();
  }
  base::Status ready;  // what Ready() and Setup() answer; set before use
  base::Status setup;

 private:
  std::mutex mutex_;
  std::map<std::string, PodAddress> pods_;  // guarded by mutex_
};

}  // namespace keelson::network
