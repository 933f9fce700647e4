// SPDX-License-Identifier: Apache-2.0
// keelson-proxy: follows an API server and keeps this node's rules for Services, until SIGTERM or
// SIGINT. The rules stay: connections go on while it is restarted. `--cleanup` takes them away.
#include <linux/capability.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <thread>

#include "lib/base/ip_address.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/inventory/report.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/kube/client/refresh.h"
#include "lib/log/log.h"
#include "lib/meter/process.h"
#include "lib/os/files.h"
#include "lib/os/signals.h"
#include "proxy/address/address.h"
#include "proxy/agent/agent.h"
#include "proxy/agent/router.h"
#include "proxy/apply/iptables/begun.h"
#include "proxy/apply/iptables/writer.h"
#include "proxy/config/config.h"
#include "proxy/handover/handover.h"
#include "proxy/inventory/check.h"

namespace {

using namespace keelson;

struct Options : proxy::Config {
  std::string config;
  std::string flavour;  // "nft", "legacy"
  std::string zone_file;
  std::string domain = "cluster.local";
  std::vector<std::string> cluster_dns;
  std::string routes = "none";
  std::string log_level = "info";
  bool cleanup = false;
  bool fsck = false, kept = false, mend = false;
};

std::string OfFamily(const std::string& list, bool v6) {
  for (const std::string_view one : base::Split(std::string_view(list), ','))
    if (base::IsV6(one) == v6) return std::string(base::Trim(one));
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
    rules.masquerade_bit = options.masquerade_bit;
    rules.drop_invalid = !options.sysctl.tcp_be_liberal;
    for (const std::string& block : options.node_port_addresses)
      if (base::IsV6(block) == v6) rules.node_port_addresses.push_back(block);
    writers.push_back(
        std::make_unique<proxy::iptables::IptablesWriter>(flavours.front(), std::move(rules)));
  }
  return writers;
}

base::Status Cleanup(const Options& options) {
  // A proxy that was killed may have begun one, which would write behind us.
  proxy::iptables::AwaitBegun(std::chrono::seconds(30));
  for (const auto& writer : MakeWriters(options)) RETURN_IF_ERROR(writer->Remove());
  RETURN_IF_ERROR(proxy::address::Release());
  return proxy::RemoveRoutes();
}

base::Status Fsck(const Options& options) {
  ASSIGN_OR_RETURN(const inventory::Report report,
                   proxy::inventory::Check(options.kept, options.mend));
  std::printf("%s\n", json::WriteJson(inventory::ToJson(report)).c_str());
  return base::Ok();
}

std::vector<base::IpAddress> AddressesOf(const std::vector<std::string>& texts) {
  std::vector<base::IpAddress> out;
  for (const std::string& text : texts)
    if (const auto one = base::IpAddress::Parse(text)) out.push_back(*one);
  return out;
}

// Pods go on asking at the address while this process is away; none wanted: one of an earlier run
// goes.
void HoldAddresses(const std::vector<base::IpAddress>& wanted) {
  if (wanted.empty()) {
    if (const base::Status gone = proxy::address::Release(); !gone.ok())
      base::LogWarn("an address of an earlier run stays", {{"error", gone.error()}});
    return;
  }
  const base::Result<bool> changed = proxy::address::Hold(wanted);
  if (!changed.ok())
    base::LogError("pods cannot ask for names at the cluster's address, trying again",
                   {{"error", changed.error()}});
  else if (*changed)
    base::LogInfo("pods ask for names at this node", {{"link", proxy::address::kLink}});
}

// What cannot be raised is said and left: services work, with less room.
void PrepareKernel(const Options& options) {
  const proxy::sysctl::Raised done = proxy::sysctl::RaiseSettings(proxy::sysctl::PlanSettings(
      options.sysctl, std::thread::hardware_concurrency(), proxy::sysctl::LinksOf()));
  for (const std::string& what : done.raised)
    base::LogInfo("a setting of the kernel is raised", {{"setting", what}});
  for (const std::string& what : done.problems)
    base::LogWarn("a setting of the kernel cannot be raised", {{"setting", what}});
}

// Rules, routes, the kernel's settings of the network; iptables loads its modules; one socket is
// the name server's, and a kubeconfig may be somebody's own. In its unit the last is not there
// either (cli/cluster/units/sandbox.cc).
base::Status GiveUpRights(const Options& options) {
  if (options.oom_score_adj) {
    const base::Status adjusted = os::WriteControl(AT_FDCWD, "/proc/self/oom_score_adj",
                                                   std::to_string(*options.oom_score_adj));
    if (!adjusted.ok()) base::LogWarn("oomScoreAdj cannot be set", {{"error", adjusted.error()}});
  }
  return capabilities::KeepOnly(uint64_t{1} << CAP_NET_ADMIN | uint64_t{1} << CAP_NET_RAW |
                                uint64_t{1} << CAP_NET_BIND_SERVICE |
                                uint64_t{1} << CAP_SYS_MODULE | uint64_t{1} << CAP_CHOWN |
                                uint64_t{1} << CAP_DAC_READ_SEARCH)
      .WithContext("give up rights");
}

// Rules do not wait for a port that somebody has yet, perhaps one who just ends, nor for an address
// that is not there yet; other mistakes are told at once.
base::Status ListenSoon(os::EventLoop& loop, const char* option,
                        const std::function<base::Result<int>()>& listen, bool told = false) {
  const base::Result<int> listens = listen();
  if (listens.ok()) return base::Ok();
  const int why = listens.error().os_errno();
  if (why != EADDRINUSE && why != EADDRNOTAVAIL) return listens.error().WithContext(option);
  if (!told)
    base::LogWarn("a port cannot be opened yet, trying again",
                  {{"option", option}, {"error", listens.error()}});
  loop.After(std::chrono::seconds(1), [&loop, option, listen] {
    if (const base::Status status = ListenSoon(loop, option, listen, true); !status.ok())
      base::LogError("a port cannot be opened", {{"error", status.error()}});
  });
  return base::Ok();
}

// Names are answered without it too; then questions are lost while keelson-dns is started again.
void KeepSockets(proxy::handover::Keeper& keeper, const std::string& zone_file) {
  const std::string folder = zone_file.substr(0, zone_file.rfind('/'));
  base::Status done = os::MakeDirs(folder, 0755);
  if (done.ok()) done = keeper.Listen(folder + "/" + proxy::handover::kName);
  if (!done.ok())
    base::LogWarn("the name server's sockets are not kept for the next one",
                  {{"error", done.error()}});
}

base::Status Serve(const Options& options) {
  ASSIGN_OR_RETURN(const os::UniqueFd signals, os::TakeSignals({SIGTERM, SIGINT}));
  const base::SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  // At once: what is given meanwhile waits in the socket.
  proxy::handover::Keeper handover(*loop);
  if (!options.zone_file.empty()) KeepSockets(handover, options.zone_file);
  ASSIGN_OR_RETURN(kube::ClientConfig config, kube::ReadKubeconfig(options.kubeconfig));
  const std::vector<base::IpAddress> held = AddressesOf(options.cluster_dns);
  HoldAddresses(held);
  PrepareKernel(options);
  // What a proxy before this one had begun would be written behind what this one knows.
  proxy::iptables::AwaitBegun(std::chrono::seconds(10));
  proxy::Writers writers = MakeWriters(options);
  if (writers.empty()) return xtables::NoneInstalled(false);
  meter::Registry registry;
  meter::AddProcess(registry);
  proxy::Health health(clock);
  proxy::CountAnswers(health, registry);
  if (!options.healthz.empty()) {
    RETURN_IF_ERROR(ListenSoon(*loop, "--healthz-bind-address",
                               [&] { return health.Listen(options.healthz); }));
  }
  http::Server metrics;
  if (!options.metrics.empty()) {
    const http::Handler answer = [&](const http::Request& request) {
      if (request.path == "/metrics")
        return http::Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                              .body = registry.Text()};
      if (request.path == "/configz") {
        json::Value shown;
        shown.Set("kubeproxy.config.k8s.io", proxy::ShowConfig(options));
        return http::Response{.content_type = "application/json", .body = json::WriteJson(shown)};
      }
      if (request.path == "/proxyMode") return http::Response{.body = "iptables"};
      if (request.path == "/healthz") return http::Response{.body = "ok"};
      return http::Response{.status = 404, .body = "not found\n"};
    };
    RETURN_IF_ERROR(ListenSoon(*loop, "--metrics-bind-address", [&metrics, &options, answer] {
      return metrics.Listen(options.metrics, answer);
    }));
  }
  kube::Api api(*loop, clock, std::move(config), "keelson-proxy/" KEELSON_VERSION);
  const kube::Refresh refresh(api, options.kubeconfig);  // the kubelet renews its certificate
  {
    proxy::Agent::Settings settings;
    settings.node = options.node;
    settings.zone_file = options.zone_file;
    settings.domain = options.domain;
    settings.min_period = options.min_period;
    settings.check_period = options.check_period;
    settings.first_written = [&options] { PrepareKernel(options); };
    for (const base::IpAddress& one : held) settings.held.push_back(one.Text());
    if (!held.empty()) settings.look_after = [held] { HoldAddresses(held); };
    proxy::Agent agent(*loop, api, clock, std::move(settings), std::move(writers), health,
                       registry);
    ASSIGN_OR_RETURN(const auto watch,
                     loop->Watch(signals.get(), EPOLLIN, [&](uint32_t) { loop->Stop(); }));
    agent.Start();
    std::optional<proxy::Router> router;
    if (const auto mode = proxy::routes::ModeOf(options.routes);
        mode && *mode != proxy::routes::Mode::kNone) {
      router.emplace(*loop, api, proxy::Router::Settings{.node = options.node, .mode = *mode});
      router->Start();
    } else if (const base::Status removed = proxy::RemoveRoutes(); !removed.ok()) {
      base::LogWarn("routes of an earlier run stay", {{"error", removed.error()}});
    }
    base::LogInfo("services become rules", {{"node", options.node}});
    loop->Run();
    loop->Unwatch(watch);
  }
  return base::Ok();
}

// Options given count more than what `options` holds already.
void Declare(CLI::App& app, Options& options) {
  const auto length_of = [&](const char* name, auto& seconds, const char* words) {
    app.add_option_function<std::string>(
        name,
        [&seconds](const std::string& text) {
          const auto length = proxy::ParseLength(text);
          if (!length) throw CLI::ValidationError(text + " is no length of time, as 1m30s");
          seconds = std::chrono::ceil<std::chrono::seconds>(*length);
        },
        words);
  };
  app.add_option("--config", options.config, "a KubeProxyConfiguration; options count more");
  app.add_option("--kubeconfig", options.kubeconfig, "which API server, and as whom");
  app.add_option("--hostname-override", options.node, "this node's name");
  app.add_option("--cluster-cidr", options.cluster_cidr,
                 "where pods have their addresses, one block of each family");
  app.add_option("--nodeport-addresses", options.node_port_addresses,
                 "blocks: node ports answer on these addresses only")
      ->delimiter(',');
  app.add_flag("--masquerade-all", options.masquerade_all, "whoever asks a service is masqueraded");
  app.add_option("--iptables", options.flavour, "nft or legacy; else the one that is in use")
      ->check(CLI::IsMember({"nft", "legacy"}));
  app.add_option("--routes", options.routes,
                 "how packets reach pods of other nodes: host-gw (by the node, on a shared "
                 "network), vxlan (inside UDP), auto (the first where it goes) or none (somebody "
                 "else sees to it)")
      ->check(CLI::IsMember({"host-gw", "vxlan", "auto", "none"}));
  app.add_option("--healthz-bind-address", options.healthz, "for load balancers; empty: nowhere");
  app.add_option("--metrics-bind-address", options.metrics, "loopback only; empty: nowhere");
  app.add_option("--zone-file", options.zone_file,
                 "where keelson-dns reads the cluster's names; empty: nowhere");
  app.add_option("--cluster-domain", options.domain, "what the cluster's names end with");
  app.add_option("--cluster-dns", options.cluster_dns,
                 "the addresses at which pods ask for names (the kubelet's clusterDNS): held on "
                 "this node, on link keelson-dns, where keelson-dns listens; no rule leads "
                 "elsewhere. Empty: pods ask by the rules of a Service")
      ->delimiter(',')
      ->check([](const std::string& text) {
        return base::IpAddress::Parse(text) ? "" : "'" + text + "' is no address";
      });
  app.add_option("--conntrack-max-per-core", options.sysctl.max_per_core,
                 "tracked connections for each core; 0: as it is");
  app.add_option("--conntrack-min", options.sysctl.min, "tracked connections at least");
  length_of("--conntrack-tcp-timeout-established", options.sysctl.tcp_established,
            "how long an idle connection is remembered at least; 0: as it is");
  length_of("--conntrack-tcp-timeout-close-wait", options.sysctl.tcp_close_wait,
            "how long one of which one side is closed; 0: as it is");
  length_of("--conntrack-udp-timeout", options.sysctl.udp, "how long an unanswered datagram");
  length_of("--conntrack-udp-timeout-stream", options.sysctl.udp_stream, "how long answered ones");
  app.add_flag("--conntrack-tcp-be-liberal", options.sysctl.tcp_be_liberal,
               "packets outside their connection's window count as its own");
  app.add_option("--log-level", options.log_level, "debug, info, warn, error");
  app.add_flag("--cleanup", options.cleanup,
               "take all rules, routes and addresses of this proxy away and end");
  CLI::App* check = app.add_subcommand(
      "fsck",
      "whose each chain, route and link of a service proxy is, as JSON; `keelson fsck` is for "
      "people");
  check->add_flag("--kept", options.kept,
                  "a proxy is set up here: what it made is its own while it is away, too");
  check->add_flag("--mend", options.mend, "take away what has no owner");
  check->callback([&options] { options.fsck = true; });
}

int Fail(const base::Status& status, int code) {
  std::fprintf(stderr, "keelson-proxy: %s\n", status.error().message().c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  constexpr char kWords[] = "Keelson's service proxy: Kubernetes Services as rules of this node";
  {
    CLI::App app{kWords};
    Declare(app, options);
    CLI11_PARSE(app, argc, argv);
  }
  if (!options.config.empty()) {
    const auto config = proxy::ReadConfig(options.config);
    if (!config.ok()) return Fail(config.error(), 2);
    options = Options{*config};
    CLI::App app{kWords};
    Declare(app, options);
    CLI11_PARSE(app, argc, argv);
  }
  if (options.node.empty()) {
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    options.node = base::ToLower(host);
  }
  signal(SIGPIPE, SIG_IGN);
  if (const base::Status logs = log::LogToStandardError(options.log_level); !logs.ok())
    return Fail(logs, 2);
  for (const std::string& what : options.without_effect)
    base::LogWarn("a setting of the configuration has no effect", {{"setting", what}});
  // Looks at other processes' files, for which the rights below do not suffice.
  if (options.fsck) {
    const base::Status checked = Fsck(options);
    return checked.ok() ? 0 : Fail(checked, 1);
  }
  if (const base::Status left = GiveUpRights(options); !left.ok()) return Fail(left, 1);
  const base::Status status = options.cleanup ? Cleanup(options) : Serve(options);
  return status.ok() ? 0 : Fail(status, 1);
}
