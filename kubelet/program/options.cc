// SPDX-License-Identifier: Apache-2.0
#include "kubelet/program/options.h"

#include <CLI/CLI.hpp>

namespace keelson::program {

std::variant<Options, int> ReadOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app("Keelson's kubelet: runs the pods of a manifest folder on any CRI v1 runtime.");
  app.add_option("--config", options.config_file,
                 "a KubeletConfiguration (kubelet.config.k8s.io/v1beta1)");
  app.add_option(
      "--config-dir", options.config_dir,
      "a folder of *.conf files that change the configuration, in the order of their names");
  app.add_option("--pod-manifest-path", options.manifests,
                 "folder (or file) of static pods (default: /etc/keelson/manifests)");
  app.add_option("--container-runtime-endpoint", options.endpoint,
                 "the CRI's socket (default: unix:///run/keelson/cri.sock)");
  app.add_option("--root-dir", options.root_dir, "volumes and pod directories")
      ->capture_default_str();
  app.add_option("--objects", options.objects, "folder of ConfigMaps and Secrets for static pods")
      ->capture_default_str();
  app.add_option("--socket", options.socket, "the local read API")->capture_default_str();
  app.add_option("--hostname-override", options.node_name, "the node's name (default: the host's)");
  app.add_option("--node-ip", options.node_ip,
                 "the node's address (default: the one that leads outside)");
  app.add_option("--cgroup-root", options.cgroup_root, "pods live below <root>/kubepods");
  app.add_option("--pod-logs-dir", options.pod_logs, "container logs (default: /var/log/pods)");
  app.add_option("--log-links-dir", options.log_links,
                 "links to logs by container, for collectors; empty: none")
      ->capture_default_str();
  app.add_option("--kubeconfig", options.kubeconfig,
                 "the API server of a cluster to join, and as whom (default: none, alone)");
  app.add_option(
      "--bootstrap-kubeconfig", options.bootstrap_kubeconfig,
      "how to join without a --kubeconfig of one's own (default: <root-dir>/kubeconfig): "
      "with a bootstrap token, for which it is written");
  app.add_option("--image-credential-provider-config", options.credential_config,
                 "a CredentialProviderConfig, or a folder of them: programs that know credentials "
                 "of registries");
  app.add_option("--image-credential-provider-bin-dir", options.credential_programs,
                 "where these programs are");
  app.add_option("--node-labels", options.node_labels, "of the node's object: a=b,c=d");
  app.add_option("--register-with-taints", options.taints,
                 "of a node that is new to the cluster: key=value:effect,…");
  app.add_option("--port", options.port,
                 "the node's API for the cluster: logs, exec, figures; 0: none (default: 10250)");
  app.add_option("--healthz-port", options.healthz_port,
                 "/healthz on the loopback address; 0: none (default: 10248)");
  app.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->capture_default_str();
  app.fallthrough();  // subcommands take it over: options may stand behind their names
  const CLI::App* clean_up =
      app.add_subcommand("cleanup",
                         "removes the volumes and cgroups of all pods; for a node whose pods have "
                         "ended or whose runtime is gone");
  CLI::App* check = app.add_subcommand(
      "fsck", "whose everything of the kubelet's is, as JSON; `keelson fsck` is for people");
  check->add_option("--runtime", options.runtime_report,
                    "what `keelson-runtime fsck` says; -: on the standard input");
  check->add_flag("--mend", options.mend, "take away what has no owner");
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  if (clean_up->parsed()) options.task = Task::kCleanUp;
  if (check->parsed()) options.task = Task::kCheck;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames()[0] == "help") continue;
    options.flags[option->get_lnames()[0]] =
        option->count() > 0 ? option->results().back() : option->get_default_str();
  }
  return options;
}

}  // namespace keelson::program
