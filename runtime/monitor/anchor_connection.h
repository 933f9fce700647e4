// SPDX-License-Identifier: Apache-2.0
// The daemon's connection to the anchor: one question at a time, and another anchor when it has
// died. Thread-safe, blocks. Private to this folder.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "runtime/monitor/client.h"
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {

class AnchorConnection {
 public:
  // The anchor of `run_dir`, which is started when there is none.
  static base::Result<std::shared_ptr<AnchorConnection>> Reach(const AnchorOptions& options);

  std::chrono::milliseconds patience() const { return options_.patience(); }
  base::Result<Packet> Ask(Type type, std::string_view payload, const std::vector<int>& fds = {});

 private:
  AnchorConnection(AnchorOptions options, os::UniqueFd socket)
      : options_(std::move(options)), socket_(std::move(socket)) {}
  base::Result<Packet> Try(Type type, std::string_view payload, const std::vector<int>& fds);

  const AnchorOptions options_;
  std::mutex mutex_;
  os::UniqueFd socket_;  // guarded by mutex_
};

}  // namespace keelson::monitor
