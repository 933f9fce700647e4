// SPDX-License-Identifier: Apache-2.0
// The kernel's settings that a node of a cluster needs: room for tracked connections, how long they
// are remembered, forwarding. Values are only ever raised: what somebody has set higher stays. The
// plan is pure; raising blocks and is for the network namespace of the calling thread. Source:
// networking/nf_conntrack-sysctl and ip-sysctl of the kernel's documentation; defaults as
// kube-proxy's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace keelson::proxy::sysctl {

struct Options {
  // 0 of any: left alone.
  int64_t max_per_core = 32768;  // connections tracked
  int64_t min = 131072;          // at least, whatever the number of cores
  std::chrono::seconds tcp_established{24 * 3600};
  std::chrono::seconds tcp_close_wait{3600};
  std::chrono::seconds udp{0};
  std::chrono::seconds udp_stream{0};
  bool tcp_be_liberal = false;
};

struct Setting {
  std::string path;  // below /proc/sys, or below /sys if it begins with "module/"
  int64_t value = 0;
  int64_t only_from = -1;  // raised from this value only; -1: from any lower one
  friend bool operator==(const Setting&, const Setting&) = default;
};

// `links`: names of the links that are there.
std::vector<Setting> PlanSettings(const Options& options, unsigned cores,
                                  const std::vector<std::string>& links);

struct Roots {
  std::string proc = "/proc/sys";
  std::string sys = "/sys";
};
struct Raised {
  std::vector<std::string> raised;    // "net/ipv4/ip_forward 0 → 1"
  std::vector<std::string> problems;  // sentences; what the kernel does not have is none
};
Raised RaiseSettings(const std::vector<Setting>& settings, const Roots& roots = {});
std::vector<std::string> LinksOf(const Roots& roots = {});

}  // namespace keelson::proxy::sysctl
