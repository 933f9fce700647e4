// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/plan.h"

#include <optional>

#include "cli/cluster/watcher.h"
#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::cluster {
namespace {

std::string Program(const NodeOptions& options, const char* name) {
  return options.programs + "/keelson-" + name;
}

supervise::Process MakeProcess(const NodeOptions& options, const char* name,
                               std::vector<std::string> arguments) {
  supervise::Process process{name, {Program(options, name)}, options.log_of(name)};
  for (std::string& one : arguments) process.argv.push_back(std::move(one));
  return process;
}

supervise::Process Master(const NodeOptions& o) {
  return MakeProcess(o, "master",
                     {"--state-dir", o.state_dir + "/master", "--kubeconfig", o.admin_kubeconfig(),
                      "--address", o.address, "--port", std::to_string(o.api_port),
                      "--service-cidr", o.service_cidr, "--cluster-cidr", o.cluster_cidr,
                      "--node-monitor-grace-period", std::to_string(o.node_grace_seconds),
                      "--cluster-signing-duration", std::to_string(o.certificate_seconds),
                      "--page-address", "127.0.0.1:" + std::to_string(o.page_port)});
}

supervise::Process RuntimeOf(const NodeOptions& o) {
  std::vector<std::string> words = RuntimeWords(o);
  words.push_back("--seccomp-root=" + o.kubelet_root + "/seccomp");
  return MakeProcess(o, "runtime", std::move(words));
}

supervise::Process KubeletOf(const NodeOptions& o) {
  std::vector<std::string> words = {"--config",
                                    o.node_dir() + "/kubelet.yaml",
                                    "--config-dir",
                                    o.config_dir + "/kubelet.conf.d",
                                    "--kubeconfig",
                                    o.node_kubeconfig(),
                                    "--hostname-override",
                                    o.name,
                                    "--node-ip",
                                    o.address,
                                    "--container-runtime-endpoint",
                                    "unix://" + o.run_dir + "/cri.sock",
                                    "--socket",
                                    o.run_dir + "/kubelet.sock",
                                    "--root-dir",
                                    o.kubelet_root,
                                    "--objects",
                                    o.config_dir + "/objects",
                                    "--pod-manifest-path",
                                    o.config_dir + "/manifests",
                                    "--pod-logs-dir",
                                    o.pod_logs,
                                    "--log-links-dir",
                                    o.log_links,
                                    "--node-labels",
                                    "keelson.io/dns=true"};
  if (!o.cgroup_root.empty()) words.insert(words.end(), {"--cgroup-root", o.cgroup_root});
  return MakeProcess(o, "kubelet", std::move(words));
}

supervise::Process Proxy(const NodeOptions& o) {
  return MakeProcess(
      o, "proxy",
      {"--kubeconfig", o.node_kubeconfig(), "--hostname-override", o.name, "--cluster-cidr",
       o.cluster_cidr, "--zone-file", o.run_dir + "/dns/zone.json", "--cluster-domain", o.domain,
       "--healthz-bind-address", o.address + ":" + std::to_string(o.proxy_health_port),
       "--metrics-bind-address", "127.0.0.1:" + std::to_string(o.proxy_metrics_port), "--routes",
       "auto", "--cluster-dns", o.dns_address});
}

supervise::Process Dns(const NodeOptions& o) {
  return MakeProcess(
      o, "dns",
      {"--listen", o.dns_address + "," + o.address, "--zone-file", o.run_dir + "/dns/zone.json",
       // A cluster's own networks need not be private ones.
       "--clients", "private," + o.cluster_cidr + "," + o.service_cidr});
}

// KubeletConfiguration; JSON is YAML.
std::string KubeletConfig(const NodeOptions& o) {
  json::Value config = json::Value::Object();
  config.Set("apiVersion", json::Value("kubelet.config.k8s.io/v1beta1"));
  config.Set("kind", json::Value("KubeletConfiguration"));
  config.Set("clusterDNS", json::Value::Array({json::Value(o.dns_address)}));
  config.Set("clusterDomain", json::Value(o.domain));
  config.Set("port", json::Value(o.kubelet_port));
  config.Set("healthzPort", json::Value(o.kubelet_health_port));
  config.Set("failCgroupV1", json::Value(false));
  // A tenth of a large disk that others fill too is no reason to take no pods.
  json::Value eviction = json::Value::Object();
  eviction.Set("memory.available", json::Value("100Mi"));
  for (const char* signal :
       {"nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"})
    eviction.Set(signal, json::Value("5%"));
  config.Set("evictionHard", std::move(eviction));
  return json::WriteJson(config) + "\n";
}

void CheckBlocks(const NodeOptions& o, const Facts& facts, std::vector<std::string>& refusals) {
  const std::pair<const char*, std::string> ours[] = {{"--cluster-cidr", o.cluster_cidr},
                                                      {"--service-cidr", o.service_cidr}};
  for (const auto& [flag, block] : ours) {
    if (!IsBlock(block)) {
      refusals.push_back(
          fmt::format("{}: '{}' is no block of IPv4 addresses, as 10.42.0.0/16", flag, block));
      continue;
    }
    for (const Facts::Route& route : facts.routes) {
      if (route.link == o.bridge || !Overlap(block, route.block)) continue;
      refusals.push_back(
          fmt::format("{} {} overlaps {}, which this machine reaches by {}: choose another block",
                      flag, block, route.block, route.link));
    }
    if (IsBlock(block) && Overlap(block, o.address + "/32"))
      refusals.push_back(
          fmt::format("{} {} holds the node's own address {}", flag, block, o.address));
  }
  if (Overlap(o.cluster_cidr, o.service_cidr))
    refusals.push_back(fmt::format("--cluster-cidr {} and --service-cidr {} overlap",
                                   o.cluster_cidr, o.service_cidr));
  if (IsBlock(o.service_cidr) && !Overlap(o.service_cidr, o.dns_address + "/32"))
    refusals.push_back(
        fmt::format("--cluster-dns {} is not in --service-cidr {}", o.dns_address, o.service_cidr));
}

// upstream's nodeLeaseDurationSeconds / 4, and kubelet/node/keeper.h's
constexpr int kLeaseRenewedEach = 10;  // seconds

bool IsNodeName(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) return false;
  return name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.';
}

}  // namespace

std::vector<std::string> RuntimeWords(const NodeOptions& o) {
  std::vector<std::string> words = {
      "--state-dir=" + o.state_dir,     "--run-dir=" + o.run_dir, "--config-dir=" + o.config_dir,
      "--bridge=" + o.bridge,           "--pod-subnet",           "",
      "--pod-network=" + o.cluster_cidr};
  if (!o.cgroup_driver.empty()) words.push_back("--cgroup-driver=" + o.cgroup_driver);
  return words;
}

bool IsBlock(const std::string& text) {
  const auto block = base::IpBlock::Parse(text);
  return block && !block->address.v6;
}

bool Overlap(const std::string& a, const std::string& b) {
  const auto one = base::IpBlock::Parse(a), two = base::IpBlock::Parse(b);
  return one && two && one->Overlaps(*two);
}

std::vector<Facts::Port> PortsOf(const NodeOptions& o) {
  std::vector<Facts::Port> ports;
  if (o.has_master()) ports.push_back({o.api_port, "the API server (--api-port)"});
  if (o.has_master()) ports.push_back({o.page_port, "the page (--page-port)"});
  ports.push_back({o.kubelet_port, "the kubelet (--kubelet-port)"});
  ports.push_back({o.kubelet_health_port, "the kubelet's health (--kubelet-health-port)"});
  ports.push_back({o.proxy_health_port, "the proxy's health (--proxy-health-port)"});
  ports.push_back({o.proxy_metrics_port, "the proxy's metrics (--proxy-metrics-port)"});
  return ports;
}

std::vector<std::string> ProgramsOf(const NodeOptions& o) {
  std::vector<std::string> programs;
  if (o.has_master()) programs.push_back(Program(o, "master"));
  if (o.supervisor != kSystemd) programs.push_back(Program(o, "supervise"));
  for (const char* name : {"runtime", "kubelet", "proxy", "dns", "anchor", "monitor"})
    programs.push_back(Program(o, name));
  return programs;
}

Plan MakePlan(const NodeOptions& o, const Facts& facts) {
  Plan plan;
  if (!facts.other_node.empty() && facts.other_node != o.name) {
    plan.refusals.push_back(fmt::format(
        "{} belongs to the node '{}': a second node on this machine needs its own --state-dir and "
        "--run-dir, ports and --bridge",
        o.state_dir, facts.other_node));
  }
  if (!IsNodeName(o.name))
    plan.refusals.push_back(fmt::format(
        "--name: '{}' is no name of a node: lower-case letters, digits, '-' and '.'", o.name));
  if (o.has_master() && o.node_grace_seconds <= kLeaseRenewedEach)
    plan.refusals.push_back(fmt::format(
        "--node-grace {}: kubelets are heard of each {} seconds, so nodes that live would be given "
        "up: more than that",
        o.node_grace_seconds, kLeaseRenewedEach));
  for (const std::string& program : facts.missing_programs)
    plan.refusals.push_back(fmt::format("{} is not there: build it, or give --programs", program));
  for (const Facts::Port& port : facts.taken)
    plan.refusals.push_back(
        fmt::format("port {} of {} is taken by another program", port.number, port.what));
  CheckBlocks(o, facts, plan.refusals);
  if (!plan.refusals.empty()) return plan;

  plan.folders = {{o.state_dir, 0700},
                  {o.run_dir, 0700},
                  {o.config_dir, 0755},
                  {o.config_dir + "/manifests", 0755},
                  {o.config_dir + "/objects", 0755},
                  {o.config_dir + "/kubelet.conf.d", 0755},
                  {o.node_dir(), 0700},
                  {o.run_dir + "/dns", 0755}};
  if (o.supervisor != kSystemd) {
    plan.folders.push_back({o.logs_dir(), 0750});
    plan.folders.push_back({o.supervisor_dir(), 0700});
  }
  if (o.has_master()) plan.folders.push_back({o.state_dir + "/master", 0700});
  plan.files = {{o.record(), Encode(o), 0600},
                {o.node_dir() + "/kubelet.yaml", KubeletConfig(o), 0600}};
  plan.first.processes = {RuntimeOf(o), Dns(o)};
  if (o.has_master()) plan.first.processes.insert(plan.first.processes.begin(), Master(o));
  plan.whole = plan.first;
  plan.whole.processes.push_back(KubeletOf(o));
  plan.whole.processes.push_back(Proxy(o));
  return plan;
}

}  // namespace keelson::cluster
