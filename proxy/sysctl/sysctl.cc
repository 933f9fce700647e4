// SPDX-License-Identifier: Apache-2.0
#include "proxy/sysctl/sysctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::proxy::sysctl {
namespace {

// The most connections are a quarter more than four for each bucket; the table grows first.
constexpr char kMost[] = "net/netfilter/nf_conntrack_max";
constexpr char kBuckets[] = "module/nf_conntrack/parameters/hashsize";

}  // namespace

std::vector<Setting> PlanSettings(const Options& options, unsigned cores,
                                  const std::vector<std::string>& links) {
  std::vector<Setting> settings;
  if (options.max_per_core > 0) {
    const int64_t most = std::max(options.max_per_core * static_cast<int64_t>(cores), options.min);
    settings.push_back({kBuckets, most / 4});
    settings.push_back({kMost, most});
  }
  const auto time = [&](const char* name, std::chrono::seconds length) {
    if (length.count() > 0)
      settings.push_back({std::string("net/netfilter/nf_conntrack_") + name, length.count()});
  };
  time("tcp_timeout_established", options.tcp_established);
  time("tcp_timeout_close_wait", options.tcp_close_wait);
  time("udp_timeout", options.udp);
  time("udp_timeout_stream", options.udp_stream);
  if (options.tcp_be_liberal) settings.push_back({"net/netfilter/nf_conntrack_tcp_be_liberal", 1});
  settings.push_back({"net/ipv4/ip_forward", 1});
  // A machine that forwards listens to no router any more unless it is told to: it would lose its
  // own default route.
  for (const std::string& link : links)
    settings.push_back({"net/ipv6/conf/" + link + "/accept_ra", 2, 1});
  settings.push_back({"net/ipv6/conf/all/forwarding", 1});
  // Packets from one pod to another on the same bridge must meet the rules too.
  settings.push_back({"net/bridge/bridge-nf-call-iptables", 1});
  settings.push_back({"net/bridge/bridge-nf-call-ip6tables", 1});
  // New links, pods' among them: strict checking (1) drops what comes back another way.
  settings.push_back({"net/ipv4/conf/default/rp_filter", 2, 1});
  return settings;
}

std::vector<std::string> LinksOf(const Roots& roots) {
  std::vector<std::string> links;
  const auto entries = os::ListDir(roots.proc + "/net/ipv6/conf");
  if (entries.ok())
    for (const os::DirEntry& entry : *entries) links.push_back(entry.name);
  return links;
}

Raised RaiseSettings(const std::vector<Setting>& settings, const Roots& roots) {
  Raised result;
  for (const Setting& setting : settings) {
    const bool module = setting.path.starts_with("module/");
    const std::string path = (module ? roots.sys : roots.proc) + "/" + setting.path;
    const auto text = os::ReadFile(path, 64);
    if (!text.ok()) continue;  // not of this kernel, or of no use in this namespace
    const auto now = base::ParseUint64(base::Trim(*text));
    if (!now) continue;  // below zero: somebody's own meaning
    const auto value = static_cast<int64_t>(*now);
    if (setting.only_from >= 0 ? value != setting.only_from : value >= setting.value) continue;
    const base::Status done = os::WriteControl(AT_FDCWD, path, std::to_string(setting.value));
    if (done.ok()) {
      result.raised.push_back(fmt::format("{} {} → {}", setting.path, value, setting.value));
    } else {
      result.problems.push_back(fmt::format("{} stays {} instead of {}: {}", setting.path, value,
                                            setting.value, done.error().message()));
    }
  }
  return result;
}

}  // namespace keelson::proxy::sysctl
