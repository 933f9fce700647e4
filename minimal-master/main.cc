// SPDX-License-Identifier: Apache-2.0
// keelson-master: puts the control plane together from its parts and serves the API until SIGTERM
// or SIGINT.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <functional>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/http/service/server.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "minimal-master/access/access.h"
#include "minimal-master/access/grants.h"
#include "minimal-master/access/reviews.h"
#include "minimal-master/api/handler.h"
#include "minimal-master/api/local_client.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/audit/log.h"
#include "minimal-master/bootstrap/objects.h"
#include "minimal-master/control/manager.h"
#include "minimal-master/controllers/all.h"
#include "minimal-master/controllers/ipam/blocks.h"
#include "minimal-master/controllers/unattended.h"
#include "minimal-master/front/figures.h"
#include "minimal-master/front/front.h"
#include "minimal-master/health/health.h"
#include "minimal-master/node/nodes.h"
#include "minimal-master/pki/cluster_pki.h"
#include "minimal-master/scheduler/run/scheduler.h"
#include "minimal-master/store/backend/backend.h"
#include "minimal-master/usage/served.h"
#include "minimal-master/watch/cache.h"

namespace {

using namespace keelson;

constexpr char kKeys[] = "/registry/";  // everything that is kept

struct Options {
  std::string state_dir = "/var/lib/keelson/master";
  std::string kubeconfig = "/etc/keelson/admin.kubeconfig";
  std::string address = "127.0.0.1";
  int port = 6443;
  std::string service_cidr = "10.43.0.0/16";
  std::string advertise_address;
  int metric_seconds = 15;
  int node_grace_seconds = 50;
  controllers::Settings controllers;
  bool schedules = true;
  store::BackendOptions store;
  std::string backup;  // a file, of the commands backup and restore
  audit::Log::Options audit;
  front::Front::Options front;
};

// What is waited for in one place.
sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// Until a signal comes; certificates that have lived two thirds of their time are replaced.
void WaitForEnd(pki::ClusterPki& pki, const std::function<base::Status()>& load,
                const std::function<void()>& reopen_logs, const base::Clock& clock) {
  const sigset_t signals = OurSignals();
  const timespec hour{3600, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &hour);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) reopen_logs();
    if (clock.WallNanos() / 1'000'000'000 < pki.NextRenewal()) continue;
    const base::Result<bool> renewed = pki.Renew();
    const base::Status loaded = renewed.ok() ? load() : renewed.error();
    if (loaded.ok()) {
      base::LogInfo("certificates were renewed");
    } else {
      base::LogError("certificates were not renewed, trying again in an hour",
                     {{"error", loaded.error()}});
    }
  }
}

// What upstream's own checks are called; those of steps that are done before anybody is listened to
// hold as long as the process lives.
std::vector<health::Check> ChecksOf(store::Store& store, const watch::Cache& cache,
                                    const std::atomic<bool>& stopping) {
  const auto good = [] { return base::Ok(); };
  const auto answers = [&store]() -> base::Status {
    const base::Result<store::Revision> revision = store.CurrentRevision();
    return revision.ok() ? base::Ok() : revision.error();
  };
  const auto follows = [&store, &cache]() -> base::Status {
    ASSIGN_OR_RETURN(const store::Revision newest, store.CurrentRevision());
    const base::Result<watch::Snapshot> seen = cache.AtLeast(newest, std::chrono::seconds(1));
    return seen.ok() ? base::Ok() : seen.error();
  };
  const auto stays = [&stopping]() -> base::Status {
    return stopping ? base::Unavailable("process is shutting down") : base::Ok();
  };
  return {{"ping", good},
          {"etcd", answers},
          {"etcd-readiness", answers, false},
          {"informer-sync", follows, false},
          {"poststarthook/rbac/bootstrap-roles", good},
          {"poststarthook/scheduling/bootstrap-system-priority-classes", good},
          {"poststarthook/bootstrap-controller", good},
          {"shutdown", stays, false}};
}

// Where others reach the server: nowhere when it serves on an address of this machine alone.
std::string OwnAddress(const Options& options) {
  if (!options.advertise_address.empty()) return options.advertise_address;
  const std::string& address = options.address;
  const bool local = address.starts_with("127.") || address == "::1" || address == "localhost" ||
                     address == "0.0.0.0" || address == "::";
  return local ? "" : address;
}

// In the autoscaler's units.
std::optional<hpa::Sample> SampleOf(const std::optional<usage::PodUse>& use) {
  if (!use) return std::nullopt;
  hpa::Sample sample;
  sample.seconds = use->at_millis / 1000;
  sample.window_seconds = (use->window_millis + 500) / 1000;
  for (const auto& [name, one] : use->containers) {
    sample.containers[name] = {{"cpu", static_cast<int64_t>(std::llround(one.cores * 1000))},
                               {"memory", static_cast<int64_t>(one.memory_bytes * 1000)}};
  }
  return sample;
}

base::Status Serve(const Options& options) {
  const base::SystemClock clock;
  if (const auto networks = controllers::ipam::ReadNetworks(options.controllers.networks);
      !networks.ok())
    return networks.error();
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  pki::PkiOptions pki_options;
  pki_options.dir = options.state_dir + "/pki";
  pki_options.ips = {options.address};
  pki_options.kubeconfig_path = options.kubeconfig;
  service::ServerOptions server_options;
  server_options.format_error = [](int code, const std::string& message) {
    status::Failure failure{.code = code, .reason = "", .message = message};
    if (code == 413) failure.reason = "RequestEntityTooLarge";
    if (code == 400) failure.reason = "BadRequest";
    if (code == 500) failure.reason = "InternalError";
    if (code == 503) failure.reason = "ServiceUnavailable";
    return std::pair<std::string, std::string>("application/json",
                                               json::WriteJson(status::ToJson(failure)) + "\n");
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store,
                   store::OpenBackend(options.store, kKeys, clock));
  const api::Reader reader;
  ASSIGN_OR_RETURN(const std::unique_ptr<watch::Cache> cache,
                   watch::Cache::Open(*store, reader, clock, {.prefix = kKeys}));
  api::Engine engine(*store, *cache, clock);
  allocation::Ranges ranges;
  for (const std::string_view cidr : base::Split(std::string_view(options.service_cidr), ',')) {
    ASSIGN_OR_RETURN(allocation::IpRange range, allocation::IpRange::Parse(cidr));
    ranges.services.push_back(range);
  }
  const std::string cluster_ip = ranges.services.empty() ? "" : ranges.services.front().At(1);
  if (!cluster_ip.empty()) pki_options.ips.push_back(cluster_ip);
  if (const std::string own = OwnAddress(options); !own.empty() && own != options.address)
    pki_options.ips.push_back(own);
  engine.services().SetRanges(std::move(ranges));
  auth::User self;
  self.name = "system:apiserver";
  self.groups = {std::string(auth::kMasters)};
  RETURN_IF_ERROR(engine.InsertMissing(bootstrap::Objects(), self)
                      .WithContext("make the objects that every cluster begins with"));
  // Before whatever keeps requests: those count until the last of it has let go of them.
  meter::Registry registry;
  std::unique_ptr<audit::Log> audit_log;
  if (!options.audit.path.empty()) {
    ASSIGN_OR_RETURN(audit_log, audit::Log::Open(options.audit));
  }
  front::Front::Options front_options = options.front;
  front_options.audit = audit_log.get();
  front::Front front(registry, clock, front_options);
  api::Watches watches(*cache, clock);
  pki_options.server_url = fmt::format("https://{}:{}", options.address, options.port);
  ASSIGN_OR_RETURN(pki::ClusterPki pki, pki::ClusterPki::Open(pki_options, clock));
  access::Access access(*cache, clock, {.token_keys = pki.service_account_keys()});
  ASSIGN_OR_RETURN(const std::unique_ptr<usage::Served> used,
                   usage::Served::Start(*cache, clock,
                                        {.period = std::chrono::seconds(options.metric_seconds),
                                         .certificate = pki.kubelet_client_certificate(),
                                         .key = pki.kubelet_client_key()}));
  engine.SetHooks(
      {.answer = [&](const auth::User& user, const std::string& ns,
                     json::Value object) -> std::optional<status::Or<json::Value>> {
         if (!access::IsReview(object)) return std::nullopt;
         return access::Answer(access, user, ns, std::move(object));
       },
       .may_write =
           [&](const auth::User& user, const json::Value& object, const json::Value* old) {
             return access::MayGrant(access, user, object, old);
           },
       .make_token =
           [&](const std::string& ns, const std::string& account, json::Value request) {
             return access.RequestToken(ns, account, std::move(request));
           },
       .computed = [&](const schema::Resource& resource,
                       const std::string& ns) { return used->Objects(resource, ns); },
       .notice =
           [](const schema::Resource& resource) {
             return controllers::Unattended(resource.group(), resource.name());
           }});
  const api::Gate gate{
      [&](const service::Request& request) { return access.Authenticate(request); },
      [&](const api::Route& route) { return access.Authorize(route); }};
  ASSIGN_OR_RETURN(const std::unique_ptr<node::Nodes> nodes,
                   node::Nodes::Start(*cache, {.authorize = gate.authorize}));
  std::atomic<bool> stopping{false};
  const health::Health health(ChecksOf(*store, *cache, stopping));
  api::Handler handler(
      engine, watches, gate,
      {.address = fmt::format("{}:{}", options.address, options.port),
       .connect = [&](std::shared_ptr<service::Exchange> exchange,
                      const api::Route& route) { nodes->Connect(std::move(exchange), route); },
       .visit = [&](std::shared_ptr<service::Exchange> exchange,
                    const api::Route& route) { return front.Begin(std::move(exchange), route); },
       .page =
           [&](service::Exchange& exchange, const api::Route& route) {
             auto answer = health.Page(route.path, exchange.request().query);
             if (!answer && route.path == "/metrics") answer = front::MetricsPage(registry);
             if (answer) api::Send(exchange, *std::move(answer));
             return answer.has_value();
           }});
  api::LocalClient client(engine);
  control::Recorder recorder(client, clock);
  controllers::Settings settings = options.controllers;
  settings.authority = &pki.authority();
  settings.token_key = &pki.service_account_key();
  settings.usage = [&](const std::string& ns, const std::string& pod) {
    return SampleOf(used->Pod(ns, pod));
  };
  settings.own_address = {cluster_ip, OwnAddress(options), options.port};
  settings.nodes.silence = std::chrono::seconds(options.node_grace_seconds);
  for (const std::string_view cidr : base::Split(std::string_view(options.service_cidr), ','))
    settings.networks.services.emplace_back(cidr);
  control::Manager manager(*cache, clock);
  controllers::AddControllers(manager, {*cache, client, recorder, clock, settings});
  service::Server server(server_options, [&](std::shared_ptr<service::Exchange> exchange) {
    handler.Handle(std::move(exchange));
  });
  const auto load_certificates = [&]() -> base::Status {
    RETURN_IF_ERROR(
        nodes->SetCertificate(pki.kubelet_client_certificate(), pki.kubelet_client_key()));
    used->SetCertificate(pki.kubelet_client_certificate(), pki.kubelet_client_key());
    return server.SetTls({pki.serving_certificate(), pki.serving_key(), pki.authority().pem()});
  };
  RETURN_IF_ERROR(load_certificates());
  ASSIGN_OR_RETURN(const int port,
                   server.ListenTls(fmt::format("{}:{}", options.address, options.port)));
  front::AddProgram(registry, api::Handler::Options().version);
  front::AddStorage(registry, *store, *cache);
  front::AddQueues(registry, [&] { return manager.Stats(); });
  RETURN_IF_ERROR(manager.Start());
  scheduler::run::Scheduler scheduler({*cache, client, recorder, clock},
                                      {.metrics = options.schedules ? &registry : nullptr});
  if (options.schedules) scheduler.Start();
  base::LogInfo("the API is served", {{"address", options.address}, {"port", port}});
  const auto reopen = [&] {
    if (audit_log) audit_log->Reopen();
  };
  WaitForEnd(pki, load_certificates, reopen, clock);
  stopping = true;
  server.Stop();
  scheduler.Stop();
  manager.Stop();
  return base::Ok();
}

base::Status Tell(const base::Result<std::string>& done, const char* what) {
  if (!done.ok()) return done.error();
  std::printf("%s: %s\n", what, done->c_str());
  return base::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Keelson's control plane: the Kubernetes API in one process"};
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
  app.add_option("--node-cidr-mask-size-ipv4", options.controllers.networks.node_length_v4,
                 "how much of it each node gets");
  app.add_option("--node-cidr-mask-size-ipv6", options.controllers.networks.node_length_v6,
                 "how much of it each node gets");
  app.add_option("--node-monitor-grace-period", options.node_grace_seconds,
                 "seconds after which a node that says nothing is given up");
  app.add_option("--controllers", options.controllers.enabled,
                 "the controllers that run: *, a name, or -name for all but that")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--scheduler,!--no-scheduler", options.schedules,
               "whether pods are given nodes; without, another scheduler does it");
  app.add_option("--store", options.store.store,
                 "sqlite, /a/folder, or etcd://host:2379,host:2379 (https://… with TLS)");
  app.add_option("--store-ca", options.store.ca_file, "whom to trust as the etcd");
  app.add_option("--store-cert", options.store.certificate_file, "our certificate for the etcd");
  app.add_option("--store-key", options.store.key_file, "its key");
  app.add_option("--audit-log", options.audit.path,
                 "a file for who changed what (events and leases left out); reopened on SIGHUP");
  app.add_option_function<int64_t>(
      "--audit-log-max-size",
      [&](int64_t mebibytes) { options.audit.max_file_bytes = mebibytes << 20; },
      "MiB from which on it is moved aside; 0: never; 100 if left out");
  app.add_option("--audit-log-max-backups", options.audit.max_backups, "how many of those stay");
  app.add_option("--max-requests-inflight", options.front.max_reading,
                 "requests that read, at a time; 0: no bound");
  app.add_option("--max-mutating-requests-inflight", options.front.max_changing,
                 "requests that change something, at a time; 0: no bound");
  app.fallthrough();
  CLI::App* backup = app.add_subcommand("backup", "a whole copy of the store, while it is used");
  CLI::App* restore =
      app.add_subcommand("restore", "put a backup in the store's place; nothing may run on it");
  backup->add_option("FILE", options.backup)->required();
  restore->add_option("FILE", options.backup)->required();
  CLI11_PARSE(app, argc, argv);
  options.store.state_dir = options.state_dir;
  signal(SIGPIPE, SIG_IGN);
  // Before any thread is made, so that all inherit it: signals are waited for in one place.
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (!log::LogToStandardError("info").ok()) return 2;
  const base::Status status =
      backup->parsed()
          ? Tell(store::BackUp(options.store, options.backup, base::SystemClock()), "backed up")
      : restore->parsed() ? Tell(store::Restore(options.store, options.backup), "restored")
                          : Serve(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "keelson-master: %s\n", status.error().message().c_str());
  return 1;
}
