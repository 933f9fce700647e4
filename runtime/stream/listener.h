// SPDX-License-Identifier: Apache-2.0
// The TCP socket that streaming clients connect to. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::stream {

struct Listener {
  os::UniqueFd fd;   // non-blocking
  std::string host;  // "127.0.0.1:41234", "[::1]:41234"
};
// InvalidArgument: not an IP address, or one that stands for all of them, which no client could be
// told.
base::Result<Listener> ListenTcp(const std::string& address, uint16_t port);

}  // namespace keelson::stream
