// SPDX-License-Identifier: Apache-2.0
// What the proxy is told: by options, and by upstream's KubeProxyConfiguration
// (kubeproxy.config.k8s.io/v1alpha1), read as it is. Unknown fields are refused with their line;
// known ones that nothing here acts on are named, so that nobody believes in them. Options count
// more than the file. Pure but for reading the file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "proxy/sysctl/sysctl.h"

namespace keelson::proxy {

struct Config {
  std::string kubeconfig = "/etc/keelson/proxy.kubeconfig";
  std::string node;                              // empty: this machine's name
  std::string cluster_cidr;                      // a block of each family, by comma
  std::vector<std::string> node_port_addresses;  // blocks; empty: every local address
  std::string healthz = "0.0.0.0:10256";         // empty: nowhere
  std::string metrics = "127.0.0.1:10249";       // empty: nowhere
  bool masquerade_all = false;
  int masquerade_bit = 14;
  std::chrono::milliseconds min_period{50};       // between two writes
  std::chrono::milliseconds check_period{30000};  // looks whether the rules are still there
  std::optional<int> oom_score_adj;
  sysctl::Options sysctl;
  std::vector<std::string> without_effect;  // "line 3: ipvs.scheduler"
};

base::Result<Config> ParseConfig(const json::Value& document);
base::Result<Config> ReadConfig(const std::string& path);  // errors name the file
// Go's text of a length of time: "1m30s", "0s".
std::optional<std::chrono::milliseconds> ParseLength(const std::string& text);
std::string LengthText(std::chrono::milliseconds length);
// What is acted on, as a KubeProxyConfiguration: what /configz shows. ParseConfig reads it back.
json::Value ShowConfig(const Config& config);

}  // namespace keelson::proxy
