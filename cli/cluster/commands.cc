// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/commands.h"

#include <CLI/CLI.hpp>

#include "cli/cluster/node_life.h"

namespace keelson::cluster {

struct Commands::Asked {
  UpOptions up;
  JoinOptions join;
  DownOptions leave, down;
  ApplyOptions apply;
  std::string status_state = NodeOptions().state_dir;
  CLI::App *up_app, *join_app, *status_app, *leave_app, *down_app, *apply_app;
};

namespace {

void AddPlaces(CLI::App& app, NodeOptions& o) {
  app.add_option("--name", o.name, "the node's name; else the machine's");
  app.add_option("--address", o.address,
                 "where the others reach it; else the address that leads outside");
  const auto text = [&](const char* flag, std::string& field, const char* words) {
    app.add_option(flag, field, words)->capture_default_str();
  };
  const auto port = [&](const char* flag, int& field, const char* words) {
    app.add_option(flag, field, words)->check(CLI::Range(1, 65535))->capture_default_str();
  };
  text("--state-dir", o.state_dir, "what survives a reboot");
  text("--run-dir", o.run_dir, "what does not");
  text("--config-dir", o.config_dir, "registries, manifests, objects");
  text("--kubelet-root", o.kubelet_root, "volumes and pod directories");
  text("--pod-logs-dir", o.pod_logs, "containers' logs");
  text("--log-links-dir", o.log_links, "links to them by container; empty: none");
  text("--cgroup-root", o.cgroup_root, "pods live below <it>/kubepods");
  text("--bridge", o.bridge, "the pods' bridge");
  text("--cluster-cidr", o.cluster_cidr, "the addresses of pods");
  text("--service-cidr", o.service_cidr, "the addresses of services");
  text("--cluster-dns", o.dns_address, "of them, where names are answered");
  text("--cluster-domain", o.domain, "what the cluster's names end with");
  port("--kubelet-port", o.kubelet_port, "where the API server reaches the kubelet");
  port("--kubelet-health-port", o.kubelet_health_port, "on the loopback address");
  port("--proxy-health-port", o.proxy_health_port, "for load balancers");
  port("--proxy-metrics-port", o.proxy_metrics_port, "on the loopback address");
  text("--network", o.network,
       "the file of a network namespace that the node lives in; empty: the machine's network");
  app.add_option("--supervisor", o.supervisor,
                 "who starts the processes again: own (keelson-supervise) or systemd (units); else "
                 "systemd where it is process 1 and the network is its own")
      ->check(CLI::IsMember({"own", "systemd"}));
  text("--programs", o.programs, "their folder; else where this one is");
}

int Finish(const base::Status& status, const cli::Console& console) {
  if (status.ok()) return 0;
  console.err << "keelson: " << status.error().message() << "\n";
  return 1;
}

}  // namespace

Commands::Commands(CLI::App& app) : asked_(std::make_unique<Asked>()) {
  Asked& a = *asked_;
  a.up_app = app.add_subcommand(
      "up",
      "bring up the first node of a cluster, or what of it does not run: control plane, "
      "runtime, kubelet, proxy, names");
  AddPlaces(*a.up_app, a.up);
  a.up_app->add_option("--kubeconfig", a.up.kubeconfig,
                       "where the administrator's access is written; else in --config-dir");
  a.up_app->add_option("--api-port", a.up.api_port, "of the API server")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  a.up_app
      ->add_option("--node-grace", a.up.node_grace_seconds,
                   "seconds of silence after which a node is given up")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  a.up_app
      ->add_option("--node-certificate-life", a.up.certificate_seconds,
                   "seconds; kubelets have theirs renewed in time")
      ->check(CLI::Range(20, 365 * 86400))
      ->capture_default_str();
  a.up_app->add_option("--page-port", a.up.page_port, "of the page of the whole system")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  a.up_app->add_flag("--wait,!--no-wait", a.up.wait, "until the node is Ready");
  a.up_app->add_flag("--token,!--no-token", a.up.print_join, "print how other machines join");

  a.join_app = app.add_subcommand("join",
                                  "make this machine a node of a cluster; the first node's "
                                  "`keelson up` prints how");
  a.join_app->add_option("SERVER", a.join.server, "the API server's address, with :port")
      ->required();
  a.join_app->add_option("--token", a.join.token)->required();
  a.join_app->add_option("--ca-hash", a.join.ca_hash, "of the cluster's authority")->required();
  AddPlaces(*a.join_app, a.join);
  a.join_app->add_option("--kubeconfig", a.join.kubeconfig,
                         "an administrator's access on this machine, if there is one");
  a.join_app->add_flag("--wait,!--no-wait", a.join.wait, "until the node is Ready");

  a.status_app = app.add_subcommand(
      "status",
      "what of this node runs, since when, and what is wrong; exit code 1 if something is");
  a.status_app->add_option("--state-dir", a.status_state)->capture_default_str();

  a.apply_app = app.add_subcommand("apply", "make the cluster's objects as a file says");
  a.apply_app->add_option("FILE", a.apply.file)->required();
  a.apply_app->add_option("--state-dir", a.apply.state_dir)->capture_default_str();
  a.apply_app->add_flag("--wait", a.apply.wait, "until deployments have all their pods");

  a.leave_app = app.add_subcommand(
      "leave", "take this node out of its cluster: evict its pods, delete it, remove all of it");
  a.down_app = app.add_subcommand("down", "end and remove this node at once, with all its pods");
  for (const auto& [command, options] :
       {std::pair(a.leave_app, &a.leave), std::pair(a.down_app, &a.down)}) {
    command->add_option("--state-dir", options->state_dir)->capture_default_str();
    command->add_flag("--keep-images", options->keep_images, "images stay on the disk");
  }
  a.leave_app
      ->add_option("--grace-period", a.leave.grace_seconds,
                   "seconds that pods have to end at most; -1: as each says")
      ->capture_default_str();
  a.leave.drain = true;
}

Commands::~Commands() = default;

std::optional<int> Commands::Run(const base::Clock& clock, const cli::Console& console) {
  const Asked& a = *asked_;
  if (a.up_app->parsed()) return Finish(Up(a.up, clock, console), console);
  if (a.join_app->parsed()) return Finish(Join(a.join, clock, console), console);
  if (a.apply_app->parsed()) return Finish(Apply(a.apply, console), console);
  if (a.leave_app->parsed()) return Finish(Down(a.leave, clock, console), console);
  if (a.down_app->parsed()) return Finish(Down(a.down, clock, console), console);
  if (!a.status_app->parsed()) return std::nullopt;
  const auto good = Status(a.status_state, clock, console);
  if (!good.ok()) return Finish(good.error(), console);
  return *good ? 0 : 1;
}

}  // namespace keelson::cluster
