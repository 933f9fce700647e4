// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/program/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "lib/base/strings.h"

namespace keelson::program {
namespace {

void AddServing(CLI::App& app, Options& options) {
  app.add_option("--state-dir", options.state_dir, "where keys and objects are kept");
  app.add_option("--kubeconfig", options.kubeconfig, "where the administrator's access is written");
  app.add_option("--address", options.address, "the address to serve on");
  app.add_option("--advertise-address", options.advertise_address,
                 "where the cluster finds the server, when it is not --address");
  app.add_option("--port", options.port, "the port to serve on");
  app.add_option("--service-cidr", options.service_cidr,
                 "the addresses of services; one block, or one of each family with a comma");
  app.add_option(
         "--cluster-cidr", options.controllers.networks.cluster,
         "the addresses of pods; one block, or one of each family with a comma; empty: nodes "
         "get none")
      ->delimiter(',');
  app.add_option("--metric-resolution", options.metric_seconds,
                 "seconds between two questions to a node about what it uses")
      ->check(CLI::Range(1, 3600));
  app.add_option("--horizontal-pod-autoscaler-sync-period", options.controllers.autoscaling_seconds,
                 "seconds between two looks at an autoscaler")
      ->check(CLI::Range(1, 3600));
  app.add_option("--node-cidr-mask-size-ipv4", options.controllers.networks.node_length_v4,
                 "how much of it each node gets");
  app.add_option("--node-cidr-mask-size-ipv6", options.controllers.networks.node_length_v6,
                 "how much of it each node gets");
  app.add_option("--node-monitor-grace-period", options.node_grace_seconds,
                 "seconds after which a node that says nothing is given up");
  app.add_option("--cluster-signing-duration", options.controllers.signing_seconds,
                 "seconds, the longest life of a certificate that is signed for a node or a client")
      ->check(CLI::Range(int64_t{20}, int64_t{365} * 86400));
  app.add_option("--kubelet-certificate-authority", options.kubelet_authority_file,
                 "a file of authorities: one of them must have signed what a kubelet serves with. "
                 "If left out, what the cluster's own authority signed must be good and for the "
                 "node's address, and any other is taken as it is");
  app.add_flag("--approve-kubelet-serving", options.controllers.approves_serving,
               "whether a node's request for a serving certificate is approved by itself where "
               "every name in it is the node's own and nobody else's; without, by people alone");
  app.add_option("--controllers", options.controllers.enabled,
                 "the controllers that run: *, a name, or -name for all but that")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--scheduler,!--no-scheduler", options.schedules,
               "whether pods are given nodes; without, another scheduler does it");
}

void AddStore(CLI::App& app, Options& options) {
  app.add_option("--store", options.store.store,
                 "sqlite, /a/folder, or etcd://host:2379,host:2379 (https://… with TLS)");
  app.add_option("--store-ca", options.store.ca_file, "whom to trust as the etcd");
  app.add_option("--store-cert", options.store.certificate_file, "our certificate for the etcd");
  app.add_option("--store-key", options.store.key_file, "its key");
}

void AddFront(CLI::App& app, Options& options) {
  app.add_option("--audit-log", options.audit.path,
                 "a file for who changed what (events and leases left out); reopened on SIGHUP");
  app.add_option_function<int64_t>(
      "--audit-log-max-size",
      [&options](int64_t mebibytes) { options.audit.max_file_bytes = mebibytes << 20; },
      "MiB from which on it is moved aside; 0: never; 100 if left out");
  app.add_option("--audit-log-max-backups", options.audit.max_backups, "how many of those stay");
  app.add_option("--max-requests-inflight", options.front.max_reading,
                 "requests that read, at a time; 0: no bound");
  app.add_option("--max-mutating-requests-inflight", options.front.max_changing,
                 "requests that change something, at a time; 0: no bound");
}

void AddPage(CLI::App& app, Options& options) {
  app.add_option_function<std::string>(
      "--page-address",
      [&options](const std::string& address) {
        options.page_address = address == "off" ? "" : address;
        options.page_address_said = true;
      },
      "where the cluster's page is served without a log-in, on loopback (127.0.0.1:6480 if left "
      "out); off: on the API's port alone");
  app.add_option("--page-users", options.page_users,
                 "who may look at it there besides root and who started this: names or numbers "
                 "with commas, or all");
}

}  // namespace

std::variant<Options, int> ReadOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"Keelson's control plane: the Kubernetes API in one process"};
  AddServing(app, options);
  AddStore(app, options);
  AddFront(app, options);
  AddPage(app, options);
  app.fallthrough();
  CLI::App* backup = app.add_subcommand("backup", "a whole copy of the store, while it is used");
  CLI::App* restore =
      app.add_subcommand("restore", "put a backup in the store's place; nothing may run on it");
  backup->add_option("FILE", options.backup)->required();
  restore->add_option("FILE", options.backup)->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& ended) {
    return app.exit(ended);
  }
  options.store.state_dir = options.state_dir;
  if (backup->parsed()) {
    options.task = Task::kBackUp;
  } else if (restore->parsed()) {
    options.task = Task::kRestore;
  }
  return options;
}

std::string Options::Endpoint() const { return fmt::format("{}:{}", address, port); }

std::string Options::OwnAddress() const {
  if (!advertise_address.empty()) return advertise_address;
  const bool local = address.starts_with("127.") || address == "::1" || address == "localhost" ||
                     address == "0.0.0.0" || address == "::";
  return local ? "" : address;
}

base::Result<allocation::Ranges> Options::ServiceRanges() const {
  allocation::Ranges ranges;
  for (const std::string_view cidr : base::Split(std::string_view(service_cidr), ',')) {
    ASSIGN_OR_RETURN(allocation::IpRange range, allocation::IpRange::Parse(cidr));
    ranges.services.push_back(range);
  }
  return ranges;
}

pki::PkiOptions Options::Pki(const std::string& cluster_ip) const {
  pki::PkiOptions pki;
  pki.dir = state_dir + "/pki";
  pki.ips = {address};
  pki.kubeconfig_path = kubeconfig;
  pki.server_url = "https://" + Endpoint();
  if (!cluster_ip.empty()) pki.ips.push_back(cluster_ip);
  if (const std::string own = OwnAddress(); !own.empty() && own != address) pki.ips.push_back(own);
  return pki;
}

}  // namespace keelson::program
