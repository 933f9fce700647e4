// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/options.h"

#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::cluster {
namespace {

struct Text {
  const char* name;
  std::string NodeOptions::* field;
};
struct Number {
  const char* name;
  int NodeOptions::* field;
};
constexpr Text kTexts[] = {{"name", &NodeOptions::name},
                           {"address", &NodeOptions::address},
                           {"stateDir", &NodeOptions::state_dir},
                           {"runDir", &NodeOptions::run_dir},
                           {"configDir", &NodeOptions::config_dir},
                           {"kubeconfig", &NodeOptions::kubeconfig},
                           {"kubeletRoot", &NodeOptions::kubelet_root},
                           {"podLogs", &NodeOptions::pod_logs},
                           {"logLinks", &NodeOptions::log_links},
                           {"cgroupRoot", &NodeOptions::cgroup_root},
                           {"bridge", &NodeOptions::bridge},
                           {"clusterCIDR", &NodeOptions::cluster_cidr},
                           {"serviceCIDR", &NodeOptions::service_cidr},
                           {"clusterDNS", &NodeOptions::dns_address},
                           {"clusterDomain", &NodeOptions::domain},
                           {"network", &NodeOptions::network},
                           {"programs", &NodeOptions::programs},
                           {"supervisor", &NodeOptions::supervisor},
                           {"cgroupDriver", &NodeOptions::cgroup_driver},
                           {"server", &NodeOptions::server}};
constexpr Number kNumbers[] = {{"apiPort", &NodeOptions::api_port},
                               {"kubeletPort", &NodeOptions::kubelet_port},
                               {"kubeletHealthPort", &NodeOptions::kubelet_health_port},
                               {"pagePort", &NodeOptions::page_port},
                               {"proxyHealthPort", &NodeOptions::proxy_health_port},
                               {"proxyMetricsPort", &NodeOptions::proxy_metrics_port},
                               {"nodeGraceSeconds", &NodeOptions::node_grace_seconds},
                               {"certificateSeconds", &NodeOptions::certificate_seconds}};

}  // namespace

std::string NodeOptions::server_address() const {
  return server.empty() ? address + ":" + std::to_string(api_port) : server;
}

std::string Encode(const NodeOptions& options) {
  json::Value value = json::Value::Object();
  for (const Text& one : kTexts) value.Set(one.name, json::Value(options.*one.field));
  for (const Number& one : kNumbers) value.Set(one.name, json::Value(options.*one.field));
  return json::WriteJson(value) + "\n";
}

base::Result<NodeOptions> Decode(const std::string& text) {
  ASSIGN_OR_RETURN(const json::Value value, json::ParseJson(text));
  NodeOptions options;
  options.supervisor = "own";  // before it was a choice
  for (const Text& one : kTexts)
    if (const json::Value* field = value.Find(one.name)) options.*one.field = field->AsString();
  for (const Number& one : kNumbers)
    if (const json::Value* field = value.Find(one.name))
      options.*one.field = static_cast<int>(field->AsInt());
  return options;
}

base::Result<NodeOptions> ReadRecord(const std::string& state_dir) {
  const auto text = os::ReadFile(state_dir + "/node.json");
  if (!text.ok()) return text.error();
  auto options = Decode(*text);
  if (!options.ok()) return options.error().WithContext(state_dir + "/node.json");
  return options;
}

}  // namespace keelson::cluster
