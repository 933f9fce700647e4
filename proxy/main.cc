// SPDX-License-Identifier: Apache-2.0
// keelson-proxy: follows an API server and keeps this node's rules for Services, until SIGTERM or
// SIGINT. The rules stay: connections go on while it is restarted. `--cleanup` takes them away.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/log/log.h"
#include "lib/meter/process.h"
#include "proxy/agent/agent.h"
#include "proxy/apply/iptables/writer.h"

namespace {

using namespace keelson;

struct Options {
  std::string kubeconfig = "/etc/keelson/proxy.kubeconfig";
  std::string node;
  std::string cluster_cidr;
  std::string node_port_addresses;
  std::string flavour;  // "nft", "legacy"
  std::string healthz = "0.0.0.0:10256";
  std::string metrics = "127.0.0.1:10249";
  std::string zone_file;
  std::string domain = "cluster.local";
  std::string log_level = "info";
  bool masquerade_all = false;
  bool cleanup = false;
};

std::string OfFamily(const std::string& list, bool v6) {
  for (const std::string_view one : base::Split(std::string_view(list), ','))
    if ((one.find(':') != std::string_view::npos) == v6) return std::string(base::Trim(one));
  return "";
}

proxy::Writers MakeWriters(const Options& options) {
  proxy::Writers writers;
  for (const bool v6 : {false, true}) {
    std::vector<xtables::Flavour> flavours = xtables::FlavoursInUse(v6);
    if (!options.flavour.empty())
      flavours = {std::string(v6 ? "ip6tables-" : "iptables-") + options.flavour};
    if (flavours.empty() || !xtables::Installed(flavours.front())) continue;
    // A machine without the family has no tables of it.
    if (!xtables::Save(flavours.front(), "nat").ok()) continue;
    proxy::iptables::Options rules;
    rules.family = v6 ? proxy::Family::kIpv6 : proxy::Family::kIpv4;
    rules.cluster_cidr = OfFamily(options.cluster_cidr, v6);
    rules.masquerade_all = options.masquerade_all;
    if (const std::string only = OfFamily(options.node_port_addresses, v6); !only.empty())
      rules.node_port_addresses = {only};
    writers.push_back(
        std::make_unique<proxy::iptables::IptablesWriter>(flavours.front(), std::move(rules)));
  }
  return writers;
}

base::Status Cleanup(const Options& options) {
  for (const auto& writer : MakeWriters(options)) RETURN_IF_ERROR(writer->Remove());
  return base::Ok();
}

base::Status Serve(const Options& options) {
  // Before threads are made: they must not take the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const os::UniqueFd signal_fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));

  const base::SystemClock clock;
  ASSIGN_OR_RETURN(kube::ClientConfig config, kube::ReadKubeconfig(options.kubeconfig));
  proxy::Writers writers = MakeWriters(options);
  if (writers.empty()) return xtables::NoneInstalled(false);
  meter::Registry registry;
  meter::AddProcess(registry);
  proxy::Health health(clock);
  if (!options.healthz.empty()) {
    const auto listens = health.Listen(options.healthz);
    if (!listens.ok()) return listens.error().WithContext("--healthz-bind-address");
  }
  http::Server metrics;
  if (!options.metrics.empty()) {
    const auto listens = metrics.Listen(options.metrics, [&](const http::Request& request) {
      if (request.path == "/metrics")
        return http::Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                              .body = registry.Text()};
      if (request.path == "/proxyMode") return http::Response{.body = "iptables"};
      if (request.path == "/healthz") return http::Response{.body = "ok"};
      return http::Response{.status = 404, .body = "not found\n"};
    });
    if (!listens.ok()) return listens.error().WithContext("--metrics-bind-address");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  kube::Api api(*loop, clock, std::move(config), "keelson-proxy/" KEELSON_VERSION);
  {
    proxy::Agent::Settings settings;
    settings.node = options.node;
    settings.zone_file = options.zone_file;
    settings.domain = options.domain;
    proxy::Agent agent(*loop, api, clock, std::move(settings), std::move(writers), health,
                       registry);
    ASSIGN_OR_RETURN(const auto watch,
                     loop->Watch(signal_fd.get(), EPOLLIN, [&](uint32_t) { loop->Stop(); }));
    agent.Start();
    base::LogInfo("services become rules", {{"node", options.node}});
    loop->Run();
    loop->Unwatch(watch);
  }
  return base::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  char host[256] = "";
  (void)gethostname(host, sizeof host - 1);
  options.node = base::ToLower(host);
  CLI::App app{"Keelson's service proxy: Kubernetes Services as rules of this node"};
  app.add_option("--kubeconfig", options.kubeconfig, "which API server, and as whom");
  app.add_option("--hostname-override", options.node, "this node's name");
  app.add_option("--cluster-cidr", options.cluster_cidr,
                 "where pods have their addresses, one block of each family");
  app.add_option("--nodeport-addresses", options.node_port_addresses,
                 "a block of each family: node ports answer on these addresses only");
  app.add_flag("--masquerade-all", options.masquerade_all, "whoever asks a service is masqueraded");
  app.add_option("--iptables", options.flavour, "nft or legacy; else the one that is in use")
      ->check(CLI::IsMember({"nft", "legacy"}));
  app.add_option("--healthz-bind-address", options.healthz, "for load balancers; empty: nowhere");
  app.add_option("--metrics-bind-address", options.metrics, "loopback only; empty: nowhere");
  app.add_option("--zone-file", options.zone_file,
                 "where keelson-dns reads the cluster's names; empty: nowhere");
  app.add_option("--cluster-domain", options.domain, "what the cluster's names end with");
  app.add_option("--log-level", options.log_level, "debug, info, warn, error");
  app.add_flag("--cleanup", options.cleanup, "take all rules of this proxy away and end");
  CLI11_PARSE(app, argc, argv);
  signal(SIGPIPE, SIG_IGN);
  if (const base::Status logs = log::LogToStandardError(options.log_level); !logs.ok()) {
    std::fprintf(stderr, "keelson-proxy: %s\n", logs.error().message().c_str());
    return 2;
  }
  const base::Status status = options.cleanup ? Cleanup(options) : Serve(options);
  if (!status.ok()) {
    std::fprintf(stderr, "keelson-proxy: %s\n", status.error().message().c_str());
    return 1;
  }
  return 0;
}
