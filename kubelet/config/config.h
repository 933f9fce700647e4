// SPDX-License-Identifier: Apache-2.0
// Upstream's KubeletConfiguration (kubelet.config.k8s.io/v1beta1), read as it is: the settings that
// this kubelet acts on, with upstream's defaults. Unknown fields are refused with their line; known
// ones that nothing here acts on yet are named, so that nobody believes in them. Pure but for
// reading the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/eviction/signals.h"
#include "lib/base/result.h"
#include "lib/json/value.h"
#include "lib/kube/quantity.h"

namespace keelson::config {

struct KubeletConfig {
  std::string static_pod_path = "/etc/keelson/manifests";
  std::chrono::seconds file_check_frequency{20};
  std::string container_runtime_endpoint = "unix:///run/keelson/cri.sock";
  std::string cgroup_root = "/";
  std::string cgroup_driver = "cgroupfs";  // of a runtime that does not say its own
  std::vector<std::string> cluster_dns;
  std::string cluster_domain = "cluster.local";
  std::string resolv_conf = "/etc/resolv.conf";
  int64_t max_pods = 110;
  int64_t node_lease_duration_seconds = 40;
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
  std::chrono::seconds image_maximum_gc_age{0};  // 0: no limit
  std::chrono::seconds sync_frequency{60};
  std::chrono::seconds container_log_monitor_interval{10};
  std::string healthz_bind_address = "127.0.0.1";
  int64_t healthz_port = 10248;  // 0: none
  std::string address = "0.0.0.0";
  int64_t port = 10250;        // of a cluster's node; 0: none
  int64_t read_only_port = 0;  // without TLS and for everybody; 0: none
  // Which paths the node's API has.
  bool enable_debugging_handlers = true, enable_system_log_handler = true;
  bool enable_profiling_handler = true, enable_debug_flags_handler = true;
  bool container_checkpoint = true;  // feature gates
  bool component_statusz = false, component_flagz = false;
  // What the node serves with: these files, or what the cluster's authority signs, or its own.
  std::string tls_cert_file, tls_private_key_file;
  bool server_tls_bootstrap = false;
  std::string tls_min_version;  // "VersionTLS12"; empty: that
  std::vector<std::string> tls_cipher_suites;
  int64_t pod_pids_limit = -1;  // of each pod; -1: none
  std::chrono::seconds max_container_restart_period{
      300};  // crashLoopBackOff.maxContainerRestartPeriod
  bool serialize_image_pulls = true;
  int64_t max_parallel_image_pulls = 0;                // 0: no limit, unless they are serialized
  int64_t registry_pull_qps = 5, registry_burst = 10;  // QPS 0: no limit
  // Who may use an image that is there: read by image_gc::ParseVerification.
  std::string image_pull_verification = "NeverVerifyPreloadedImages";
  std::vector<std::string> preloaded_images_allowlist;
  int64_t oom_score_adj = -999;  // of the kubelet itself
  bool cpu_cfs_quota = true;     // CPU limits are kept
  std::chrono::microseconds cpu_cfs_quota_period{100'000};
  std::optional<bool> single_process_oom_kill;  // unset: whole containers where the machine can
  std::map<std::string, std::string> eviction_hard = {{"imagefs.available", "15%"},
                                                      {"imagefs.inodesFree", "5%"},
                                                      {"memory.available", "100Mi"},
                                                      {"nodefs.available", "10%"},
                                                      {"nodefs.inodesFree", "5%"}};
  bool merge_default_eviction_settings = false;  // what is not named keeps its default
  // By signal, as they are written.
  std::map<std::string, std::string> eviction_soft, eviction_soft_grace_period,
      eviction_minimum_reclaim;
  std::chrono::seconds eviction_pressure_transition_period{300};
  int64_t eviction_max_pod_grace_period = 0;  // seconds; negative: the pod's own
  std::vector<std::string> without_effect;    // set in the file, known upstream, not acted on here
  json::Value given = json::Value::Object();  // those, as they were given
};

base::Result<KubeletConfig> ParseConfig(const json::Value& document);
base::Result<KubeletConfig> ReadConfig(const std::string& path);  // errors name the file
// The file (empty: none), then every *.conf of the folder (empty: none) in the order of their
// names: maps are merged, all else is replaced by the later one.
base::Result<KubeletConfig> ReadConfig(const std::string& path, const std::string& drop_ins);
// What the file asks for and this machine cannot do, by the version of its control groups.
base::Status CheckMachine(const KubeletConfig& config, bool cgroup_v2);
// What must be left of something before pods would be evicted (evictionHard's "memory.available",
// …), which no pod is promised.
int64_t KeptFree(const KubeletConfig& config, const std::string& signal, int64_t capacity);
// What the four maps say together.
std::vector<eviction::Threshold> EvictionThresholds(const KubeletConfig& config);
// What /configz shows: what is acted on, upstream's defaults of the rest, and what the file gave.
json::Value ShowConfig(const KubeletConfig& config);

}  // namespace keelson::config
