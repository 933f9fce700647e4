// SPDX-License-Identifier: Apache-2.0
#include "kubelet/task/tasks.h"

#include <cstdio>
#include <vector>

#include "kubelet/cgroup/pod_cgroups.h"
#include "kubelet/inventory/check.h"
#include "kubelet/volume/volumes.h"
#include "lib/base/log.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::task {

using program::Options;

base::Result<config::KubeletConfig> Configure(const Options& options) {
  config::KubeletConfig config;
  ASSIGN_OR_RETURN(config, config::ReadConfig(options.config_file, options.config_dir));
  if (!options.manifests.empty()) config.static_pod_path = options.manifests;
  if (!options.endpoint.empty()) config.container_runtime_endpoint = options.endpoint;
  if (!options.cgroup_root.empty()) config.cgroup_root = options.cgroup_root;
  if (!options.pod_logs.empty()) config.pod_logs_dir = options.pod_logs;
  if (options.port) config.port = *options.port;
  if (options.healthz_port) config.healthz_port = *options.healthz_port;
  for (const std::string& field : config.without_effect)
    base::LogWarn("a setting without effect here, ignoring", {{"field", field}});
  return config;
}

std::string PodsCgroup(const config::KubeletConfig& config) {
  return (config.cgroup_root == "/" ? "" : config.cgroup_root) + "/kubepods";
}

base::Status CleanUp(const Options& options) {
  ASSIGN_OR_RETURN(const config::KubeletConfig config, Configure(options));
  const volume::LocalObjects objects(options.objects);
  volume::Volumes volumes(options.root_dir, objects);
  ASSIGN_OR_RETURN(const std::vector<std::string> uids, volumes.PodsOnDisk());
  for (const std::string& uid : uids) RETURN_IF_ERROR(volumes.TearDown(uid));
  return node_cgroup::PodCgroups::RemoveLeftovers(PodsCgroup(config));
}

base::Status CheckNode(const Options& options) {
  const std::string& runtime = options.runtime_report;
  constexpr size_t kMostOfAReport = size_t{256} << 20;
  ASSIGN_OR_RETURN(const config::KubeletConfig config, Configure(options));
  inventory::Report known;
  if (!runtime.empty()) {
    ASSIGN_OR_RETURN(const std::string text, runtime == "-"
                                                 ? os::ReadAll(0, kMostOfAReport)
                                                 : os::ReadFile(runtime, kMostOfAReport));
    ASSIGN_OR_RETURN(known, inventory::FromJson(text));
  }
  node_inventory::Places places{.root = options.root_dir,
                                .logs = config.pod_logs_dir,
                                .links = options.log_links,
                                .cgroup = PodsCgroup(config),
                                .endpoint = config.container_runtime_endpoint,
                                .socket = options.socket,
                                .cgroups = {}};
  ASSIGN_OR_RETURN(places.cgroups, cgroup::DetectLayout());
  const inventory::Report report = node_inventory::Check(places, known, options.mend);
  std::printf("%s\n", json::WriteJson(inventory::ToJson(report)).c_str());
  return {};
}

}  // namespace keelson::task
