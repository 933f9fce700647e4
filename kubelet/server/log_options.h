// SPDX-License-Identifier: Apache-2.0
// What a reader of a container's log asks for (v1 PodLogOptions), out of a request's query. Pure.
// Source: Kubernetes API reference.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace keelson::server {

struct LogOptions {
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<int64_t> since;  // wall nanoseconds; lines before it are left out
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::string stream;  // "stdout", "stderr", or empty for both
};

// InvalidArgument: the query cannot be read; OutOfRange: it can, but a value is not allowed.
// Unknown names are ignored.
base::Result<LogOptions> ParseLogOptions(const std::map<std::string, std::string>& query,
                                         int64_t now_wall_nanos);

}  // namespace keelson::server
