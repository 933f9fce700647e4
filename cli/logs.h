// SPDX-License-Identifier: Apache-2.0
// `keelson logs`: what a container wrote, as the kubelet has it, once or for as long as it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/console.h"
#include "cli/node.h"

namespace keelson::cli {

struct LogsOptions {
  std::string pod, name_space, container;
  bool follow = false, previous = false, timestamps = false;
  std::optional<int64_t> tail, limit_bytes;
  std::string since;       // a span: "5m"
  std::string since_time;  // RFC 3339
};

base::Status Logs(const LogsOptions& options, Kubelet& kubelet, const Console& console);

// "/containerLogs/default/web/main?follow=true&sinceSeconds=300"
base::Result<std::string> LogPath(const LogsOptions& options, const std::string& name_space,
                                  const std::string& pod, const std::string& container);

}  // namespace keelson::cli
