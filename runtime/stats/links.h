// SPDX-License-Identifier: Apache-2.0
// The counters of a pod's network links as seen from inside: /proc/<thread>/net/dev, opened once
// inside the namespace and read from anywhere. Unlike a netlink dump that takes no lock that link
// changes elsewhere on the machine wait for. An open file keeps the namespace alive: who reads
// closes it soon after the pod's end. Source: net/core/net-procfs.c's format, proc(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::stats {

struct Link {
  std::string name;
  uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
  uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
  bool operator==(const Link&) const = default;
};

// Without the loopback link; at most 64 links.
std::vector<Link> ParseLinks(std::string_view text);
base::Result<std::vector<Link>> ReadLinks(int net_dev);
// The files of those namespaces, one throw-away thread for all; a result for each path.
std::vector<base::Result<os::UniqueFd>> OpenLinks(const std::vector<std::string>& netns_paths);

}  // namespace keelson::stats
