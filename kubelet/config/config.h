// SPDX-License-Identifier: Apache-2.0
// Upstream's KubeletConfiguration (kubelet.config.k8s.io/v1beta1), read as it is: the settings that this kubelet acts on, with
// upstream's defaults. Unknown fields are refused with their line; known ones that nothing here acts on yet are named, so that nobody
// believes in them. Pure but for reading the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "lib/kube/quantity.h"

namespace keelson::config {

struct KubeletConfig {
  std::string static_pod_path = "/etc/keelson/manifests";
  std::chrono::seconds file_check_frequency{20};
  std::string container_runtime_endpoint = "unix:///run/keelson/cri.sock";
  std::string cgroup_root = "/";
  std::vector<std::string> cluster_dns;
  std::string cluster_domain = "cluster.local";
  std::string resolv_conf = "/etc/resolv.conf";
  int64_t max_pods = 110;
  int64_t pods_per_core = 0;
  kube::ResourceList system_reserved, kube_reserved;
  kube::Quantity container_log_max_size = kube::Quantity::FromUnits(int64_t{10} << 20);
  int64_t container_log_max_files = 5;
  std::string pod_logs_dir = "/var/log/pods";
  bool seccomp_default = false;
  std::vector<std::string> allowed_unsafe_sysctls;
  int64_t image_gc_high_threshold_percent = 85;
  int64_t image_gc_low_threshold_percent = 80;
  std::chrono::seconds image_minimum_gc_age{120};
  std::vector<std::string> without_effect;  // set in the file, known upstream, not acted on here
};

base::Result<KubeletConfig> ParseConfig(const json::Value& document);
base::Result<KubeletConfig> ReadConfig(const std::string& path);  // errors name the file
// What /configz shows.
json::Value ShowConfig(const KubeletConfig& config);
base::Result<std::chrono::seconds> ParseDuration(const std::string& text);  // Go's "1m30s"

}  // namespace keelson::config
