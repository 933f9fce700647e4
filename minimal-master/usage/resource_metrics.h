// SPDX-License-Identifier: Apache-2.0
// Reads what a kubelet says at /metrics/resource. Pure. Foreign input: bounded, what cannot be read
// is left out. Source: KEP-727, Prometheus' exposition format 0.0.4.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace keelson::usage {

struct Reading {
  std::optional<double> cpu_seconds;   // used since it began
  std::optional<double> memory_bytes;  // working set
  int64_t at_millis = 0;               // when the kubelet read it; 0: not told
};

struct PodName {
  std::string ns, name;
  friend auto operator<=>(const PodName&, const PodName&) = default;
};

struct NodeReading {
  Reading node;
  std::map<PodName, std::map<std::string, Reading>> containers;  // by container
};

NodeReading ReadResourceMetrics(std::string_view text);

}  // namespace keelson::usage
