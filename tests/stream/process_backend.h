// SPDX-License-Identifier: Apache-2.0
// A streaming backend without containers: exec and attach run plain processes of this machine, a
// sandbox's ports are the machine's own. For tests. Thread-safe.
#pragma once

#include <atomic>

#include "runtime/stream/backend.h"

namespace keelson::stream_test {

class ProcessBackend final : public stream::Backend {
 public:
  // attach runs /bin/sh -c with the container's id as its text. An exec of "/no/such" fails.
  base::Result<std::unique_ptr<stream::Session>> Open(
      const stream::ProcessRequest& request,
      std::function<void(const stream::Ended&)> ended) override;
  base::Result<os::UniqueFd> Connect(const std::string& sandbox_id, uint16_t port) override;

  int sessions() const { return *sessions_; }  // that were opened and not destroyed

 private:
  std::shared_ptr<std::atomic<int>> sessions_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace keelson::stream_test
