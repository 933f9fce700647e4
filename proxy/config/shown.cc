// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "proxy/config/config.h"

namespace keelson::proxy {

std::string LengthText(std::chrono::milliseconds length) {
  const int64_t all = length.count();
  if (all == 0) return "0s";
  if (all < 1000) return fmt::format("{}ms", all);
  std::string text;
  if (all >= 3600'000) text += fmt::format("{}h", all / 3600'000);
  if (all >= 60'000) text += fmt::format("{}m", all / 60'000 % 60);
  const int64_t rest = all % 1000;
  std::string fraction = rest == 0 ? "" : fmt::format(".{:03}", rest);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return text + fmt::format("{}{}s", all / 1000 % 60, fraction);
}

json::Value ShowConfig(const Config& config) {
  const auto length = [](std::chrono::milliseconds time) { return json::Value(LengthText(time)); };
  json::Value client, iptables, conntrack, shown;
  client.Set("kubeconfig", json::Value(config.kubeconfig));
  iptables.Set("masqueradeAll", json::Value(config.masquerade_all));
  iptables.Set("masqueradeBit", json::Value(static_cast<int64_t>(config.masquerade_bit)));
  iptables.Set("minSyncPeriod", length(config.min_period));
  iptables.Set("syncPeriod", length(config.check_period));
  conntrack.Set("maxPerCore", json::Value(config.sysctl.max_per_core));
  conntrack.Set("min", json::Value(config.sysctl.min));
  conntrack.Set("tcpBeLiberal", json::Value(config.sysctl.tcp_be_liberal));
  conntrack.Set("tcpCloseWaitTimeout", length(config.sysctl.tcp_close_wait));
  conntrack.Set("tcpEstablishedTimeout", length(config.sysctl.tcp_established));
  conntrack.Set("udpStreamTimeout", length(config.sysctl.udp_stream));
  conntrack.Set("udpTimeout", length(config.sysctl.udp));
  std::vector<json::Value> blocks;
  for (const std::string& block : config.node_port_addresses) blocks.emplace_back(block);
  shown.Set("apiVersion", json::Value("kubeproxy.config.k8s.io/v1alpha1"));
  shown.Set("kind", json::Value("KubeProxyConfiguration"));
  shown.Set("clientConnection", std::move(client));
  shown.Set("clusterCIDR", json::Value(config.cluster_cidr));
  shown.Set("conntrack", std::move(conntrack));
  shown.Set("detectLocalMode", json::Value("ClusterCIDR"));
  shown.Set("healthzBindAddress", json::Value(config.healthz));
  shown.Set("hostnameOverride", json::Value(config.node));
  shown.Set("iptables", std::move(iptables));
  shown.Set("metricsBindAddress", json::Value(config.metrics));
  shown.Set("mode", json::Value("iptables"));
  shown.Set("nodePortAddresses", json::Value::Array(std::move(blocks)));
  if (config.oom_score_adj)
    shown.Set("oomScoreAdj", json::Value(static_cast<int64_t>(*config.oom_score_adj)));
  return shown;
}

}  // namespace keelson::proxy
