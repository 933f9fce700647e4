// SPDX-License-Identifier: Apache-2.0
// What keelson-kubelet's command line says. A value; what the file of settings says as well is in
// kubelet/config, and what stands here overrides it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

namespace keelson::program {

enum class Task { kRun, kCleanUp, kCheck };

struct Options {
  Task task = Task::kRun;
  std::string config_file, config_dir;
  std::string manifests, endpoint;  // override the configuration's
  std::string root_dir = "/var/lib/kubelet";
  std::string objects = "/etc/keelson/objects";
  std::string socket = "/run/keelson/kubelet.sock";
  std::string log_links = "/var/log/containers";
  std::string node_name, node_ip, cgroup_root, pod_logs;
  std::string log_level = "info";
  std::string kubeconfig, bootstrap_kubeconfig;  // empty: the node is alone
  std::string node_labels, taints;
  std::string credential_config, credential_programs;  // of plugins; empty: there are none
  std::optional<int64_t> healthz_port, port;
  std::map<std::string, std::string> flags;  // all of the command line, for /flagz
  // Of kCheck: a file with what `keelson-runtime fsck` says, "-": standard input; whether what has
  // no owner is taken away.
  std::string runtime_report;
  bool mend = false;
};

// Or the code to end with: help was asked for, or a word is wrong, which has been said.
std::variant<Options, int> ReadOptions(int argc, const char* const* argv);

}  // namespace keelson::program
