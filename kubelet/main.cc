// SPDX-License-Identifier: Apache-2.0
// keelson-kubelet: puts the node agent together from its parts and runs until SIGTERM or SIGINT.
// Pods go on after it.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "cri-api/client/runtime_client.h"
#include "kubelet/cgroup/pod_cgroups.h"
#include "kubelet/cluster/access.h"
#include "kubelet/cluster/health.h"
#include "kubelet/cluster/link.h"
#include "kubelet/cluster/renewal.h"
#include "kubelet/cluster/self.h"
#include "kubelet/cluster/servers.h"
#include "kubelet/config/config.h"
#include "kubelet/credentials/providers.h"
#include "kubelet/image/collector.h"
#include "kubelet/image/pull_gate.h"
#include "kubelet/image/pull_records.h"
#include "kubelet/lifecycle/agent.h"
#include "kubelet/metrics/metered_runtime.h"
#include "kubelet/metrics/metrics.h"
#include "kubelet/node/machine.h"
#include "kubelet/node/shares.h"
#include "kubelet/pleg/pleg.h"
#include "kubelet/probe/probes.h"
#include "kubelet/program/options.h"
#include "kubelet/server/server.h"
#include "kubelet/source/file_source.h"
#include "kubelet/task/tasks.h"
#include "kubelet/volume/volumes.h"
#include "lib/base/ip_address.h"
#include "lib/base/log.h"
#include "lib/json/value.h"
#include "lib/kube/client/api.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "lib/os/listen.h"

namespace {

using namespace keelson;
using program::Options;

probe::ExecFunction ExecThrough(cri_client::RuntimeClient& runtime) {
  return [&runtime](const std::string& id, const std::vector<std::string>& command,
                    std::chrono::seconds timeout) -> base::Result<probe::ExecAnswer> {
    ASSIGN_OR_RETURN(const cri::ExecSyncResponse done, runtime.ExecSync(id, command, timeout));
    return probe::ExecAnswer{done.exit_code(), done.stdout() + done.stderr()};
  };
}

// The kernel's choice of whom to end when memory runs out: not the one that starts the others
// again.
void SetOomScore(int64_t score) {
  const base::Result<os::UniqueFd> file = os::Open("/proc/self/oom_score_adj", O_WRONLY);
  const std::string text = std::to_string(score);
  if (!file.ok() || write(file->get(), text.data(), text.size()) < 0)
    base::LogWarn("the kubelet's OOM score stays as it is", {{"wanted", text}});
}

// Waits for SIGTERM or SIGINT, which are blocked in every thread, and stops the loop. What workers
// still do (a container that takes its time to end, a hook) is not waited for: the runtime goes on
// with it, and the next life of the kubelet finds it.
class Farewell {
 public:
  Farewell(const sigset_t& signals, os::EventLoop& loop)
      : waiter_([this, signals, &loop] { Wait(signals, loop); }) {}
  ~Farewell() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    ended_.notify_all();
  }

 private:
  static constexpr std::chrono::seconds kPatience{1};
  void Wait(const sigset_t& signals, os::EventLoop& loop) {
    int received = 0;
    sigwait(&signals, &received);
    base::LogInfo("stopping; pods go on", {{"signal", strsignal(received)}});
    loop.Stop();
    std::unique_lock lock(mutex_);
    if (ended_.wait_for(lock, kPatience, [this] { return done_; })) return;
    base::LogInfo("what is still under way is left to the runtime and the next life");
    _exit(0);
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;  // guarded by mutex_
  std::jthread waiter_;
};

// The runtime's word counts; older ones have none, and an empty one is none.
base::Result<node_cgroup::Driver> DriverOf(cri_client::RuntimeClient& runtime,
                                           const std::string& configured) {
  using node_cgroup::Driver;
  const base::Result<cri::RuntimeConfigResponse> said = runtime.RuntimeConfig();
  if (!said.ok() && said.error().code() != base::Code::kUnimplemented) {
    return said.error()
        .WithContext("ask the runtime for its cgroup driver")
        .WithCode(base::Code::kUnavailable);
  }
  if (!said.ok() || !said->has_linux())
    return configured == "systemd" ? Driver::kSystemd : Driver::kCgroupfs;
  const bool systemd = said->linux().cgroup_driver() == cri::SYSTEMD;
  if (systemd != (configured == "systemd")) {
    base::LogInfo("the runtime's cgroup driver is used, not the configured one",
                  {{"driver", systemd ? "systemd" : "cgroupfs"}});
  }
  return systemd ? Driver::kSystemd : Driver::kCgroupfs;
}

cluster::AccessOptions AccessOf(const Options& options, const std::string& node,
                                const sigset_t& stop) {
  return {.kubeconfig =
              options.kubeconfig.empty() ? options.root_dir + "/kubeconfig" : options.kubeconfig,
          .bootstrap_kubeconfig = options.bootstrap_kubeconfig,
          .certificates = options.root_dir + "/pki",
          .node = node,
          .stopped = [stop] {
            const timespec now{};
            return sigtimedwait(&stop, nullptr, &now) > 0;
          }};
}

// The runtime gives pods their addresses from it. Tried until it takes it.
void TellPodCidr(async::Executor& workers, os::EventLoop& loop, cri_client::RuntimeClient& runtime,
                 const std::string& cidr, const std::function<void()>& taken) {
  workers.Post([&workers, &loop, &runtime, cidr, taken] {
    const base::Status told = runtime.UpdateRuntimeConfig(cidr);
    if (told.ok()) return loop.Post(taken);
    base::LogWarn("the runtime does not take the pods' addresses, trying again in five seconds",
                  {{"cidr", cidr}, {"error", told.error()}});
    loop.Post([&workers, &loop, &runtime, cidr, taken] {
      loop.After(std::chrono::seconds(5), [&workers, &loop, &runtime, cidr, taken] {
        TellPodCidr(workers, loop, runtime, cidr, taken);
      });
    });
  });
}

// Of images that are gone, whoever removed them.
void PruneRecords(cri_client::RuntimeClient& runtime, image_gc::PullRecords& records,
                  const base::Clock& clock) {
  const int64_t now = clock.WallNanos();
  const base::Result<std::vector<cri::Image>> images = runtime.ListImages();
  if (!images.ok()) return;
  std::set<std::string> ids;
  for (const cri::Image& image : *images) ids.insert(image.id());
  records.Prune(ids, now);
}

base::Status Run(const Options& options) {
  sigset_t stop;
  sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&stop, signal);
  sigprocmask(SIG_BLOCK, &stop, nullptr);  // before any thread
  signal(SIGPIPE, SIG_IGN);
  ASSIGN_OR_RETURN(const config::KubeletConfig config, task::Configure(options));
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::DetectLayout());
  RETURN_IF_ERROR(config::CheckMachine(config, layout.v2));
  const node_cgroup::CpuQuota cpu_quota{config.cpu_cfs_quota, config.cpu_cfs_quota_period.count()};
  SetOomScore(config.oom_score_adj);
  for (const std::string& directory : {options.root_dir, config.pod_logs_dir, options.log_links}) {
    if (!directory.empty()) RETURN_IF_ERROR(os::MakeDirs(directory, 0755));
  }
  ASSIGN_OR_RETURN(const node::Shares shares, node::SharesOf(config, options.root_dir));
  const std::string node_name = options.node_name.empty() ? node::NodeName() : options.node_name;
  const std::vector<std::string> host_ips = node::NodeAddresses(options.node_ip);

  pod::NodeSettings node;
  node.names = {node_name, host_ips};
  node.logs = config.pod_logs_dir;
  node.cluster_dns = {config.cluster_dns, config.cluster_domain};
  node.host_resolver = config.resolv_conf.empty()
                           ? pod::NoResolvConf()
                           : pod::ParseResolvConf(os::ReadFile(config.resolv_conf).ValueOr(""));
  node.resolver_file = config.resolv_conf;
  node.seccomp_root = options.root_dir + "/seccomp/";
  node.capacity = shares.capacity;
  node.allocatable = shares.allocatable;
  node.seccomp_default = config.seccomp_default;
  node.cpu_quota = cpu_quota;
  if (layout.v2)
    node.oom_group.assign(1, config.single_process_oom_kill.value_or(false) ? '0' : '1');

  base::SystemClock clock;
  metrics::Metrics metrics;
  const std::unique_ptr<cri_client::RuntimeClient> runtime = metrics::Metered(
      cri_client::ConnectRuntime(config.container_runtime_endpoint), metrics.registry(), clock);
  volume::LocalObjects objects(options.objects);
  std::set<std::string> told;  // by the one thread that reloads at a time
  const auto reload_objects = [&] {
    std::set<std::string> problems;
    for (const base::Error& error : objects.Reload()) {
      problems.insert(error.message());
      if (!told.contains(error.message())) base::LogError("object refused", {{"error", error}});
    }
    told = std::move(problems);
  };
  reload_objects();
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  std::optional<kube::Api> api;
  std::optional<cluster::ApiObjects> api_objects;
  std::unique_ptr<cluster::Renewal> renewal;
  if (!options.kubeconfig.empty() || !options.bootstrap_kubeconfig.empty()) {
    const cluster::AccessOptions access = AccessOf(options, node_name, stop);
    ASSIGN_OR_RETURN(kube::ClientConfig client, cluster::OpenAccess(access, clock));
    api.emplace(*loop, clock, std::move(client), "keelson-kubelet/" KEELSON_VERSION);
    renewal = cluster::RenewalOfAccess(*api, clock, node_name, access.Certificate(),
                                       access.bootstrap_kubeconfig);
    api_objects.emplace(*api, clock, objects);
  }
  const volume::Objects& all_objects =
      api_objects ? static_cast<const volume::Objects&>(*api_objects) : objects;
  volume::Volumes volumes(options.root_dir, all_objects);
  ASSIGN_OR_RETURN(const std::unique_ptr<node_cgroup::PodCgroups> cgroups,
                   node_cgroup::PodCgroups::Create(
                       task::PodsCgroup(config), shares.limits, config.pod_pids_limit, cpu_quota,
                       [&] { return DriverOf(*runtime, config.cgroup_driver); }));
  probe::NodeProber prober(ExecThrough(*runtime));
  image_gc::PullGate pulls({config.serialize_image_pulls ? 1 : config.max_parallel_image_pulls,
                            config.registry_pull_qps, config.registry_burst},
                           clock);
  ASSIGN_OR_RETURN(image_gc::Verification verification,
                   image_gc::ParseVerification(config.image_pull_verification,
                                               config.preloaded_images_allowlist));
  ASSIGN_OR_RETURN(const std::unique_ptr<image_gc::PullRecords> pull_records,
                   image_gc::PullRecords::Open(options.root_dir + "/image_manager",
                                               std::move(verification), clock));
  std::optional<credentials::Providers> plugins;
  if (!options.credential_config.empty() || !options.credential_programs.empty()) {
    ASSIGN_OR_RETURN(std::vector<credentials::Provider> known,
                     credentials::ReadProviders(options.credential_config));
    ASSIGN_OR_RETURN(credentials::Run run, credentials::RunIn(options.credential_programs, known));
    plugins.emplace(std::move(known), std::move(run), clock);
  }
  image_gc::Collector images(*runtime, clock,
                             {static_cast<int>(config.image_gc_high_threshold_percent),
                              static_cast<int>(config.image_gc_low_threshold_percent),
                              config.image_minimum_gc_age, config.image_maximum_gc_age});
  std::function<std::vector<image_gc::Credential>(const std::string&)> nodes_credentials;
  if (plugins) nodes_credentials = [&](const std::string& image) { return plugins->For(image); };
  lifecycle::Applier applier({*runtime, volumes, all_objects, *cgroups, prober, node,
                              options.log_links, &pulls, pull_records.get(), nodes_credentials});
  lifecycle::View view(clock, json::WriteJson(config::ShowConfig(config)));
  metrics.ShowNode(node_name, view, layout.v2);
  std::optional<Farewell> farewell;  // ends after all that may take its time
  async::Executor workers(128);
  std::optional<cluster::Health> health;
  std::optional<cluster::Link> link;
  std::function<void()> look_at_runtime;  // its network may be ready now
  if (api) {
    health.emplace(cluster::Health::Dependencies{*loop, workers, clock, *runtime, view});
    cluster::Link::Settings settings;
    ASSIGN_OR_RETURN(settings.node, cluster::FactsOf(node, options.node_labels, options.taints,
                                                     *runtime, static_cast<int>(config.port)));
    settings.node.lease_seconds = config.node_lease_duration_seconds;
    settings.keeper.lease_period =
        std::chrono::milliseconds(config.node_lease_duration_seconds * 1000 / 4);
    settings.health = [&] { return health->Now(); };
    settings.pod_cidr = [&](const std::string& cidr) {
      TellPodCidr(workers, *loop, *runtime, cidr, [&] { look_at_runtime(); });
    };
    link.emplace(*api, clock, *api_objects, std::move(settings));
  }
  lifecycle::Agent agent(
      {*loop,
       workers,
       clock,
       *runtime,
       applier,
       volumes,
       *cgroups,
       node,
       {shares.allocatable, config.allowed_unsafe_sysctls},
       {host_ips, "keelson"},
       {config.container_log_max_size.Value(), static_cast<int>(config.container_log_max_files)},
       reload_objects,
       view,
       config.sync_frequency,
       std::chrono::nanoseconds(config.max_container_restart_period).count(),
       config.container_log_monitor_interval,
       [&](bool remove) {
         const base::Status done = remove ? images.Collect() : images.Look();
         if (remove) PruneRecords(*runtime, *pull_records, clock);
         return done;
       },
       link ? &*link : nullptr,
       lifecycle::ShortageSettings{
           .rules = {config::EvictionThresholds(config),
                     config.eviction_pressure_transition_period},
           .max_pod_grace_seconds = config.eviction_max_pod_grace_period,
           .pods_memory = shares.limits.memory_bytes,
           .root_dir = options.root_dir,
           .remove_images = [&] { return images.RemoveUnused(); },
       }});
  {
    // Ends first: nothing may call the agent after it is gone.
    async::Executor probe_workers(32);
    probe::Probes probes(
        prober, probe_workers, clock, [&](const std::string& uid) { agent.OnHealth(uid); },
        [&](const std::string& uid, const std::string& container, const std::string& text) {
          agent.OnProbeFailure(uid, container, text);
        });
    metrics.ShowProbes(probes);
    pleg::Pleg pleg(
        *runtime, clock, [&](auto snapshot) { agent.OnSnapshot(std::move(snapshot)); },
        [&](const base::Error& error) { agent.OnRuntimeError(error); });
    agent.Connect(pleg, probes);
    const source::FileSource files(config.static_pod_path, node_name, config.file_check_frequency,
                                   clock,
                                   [&](source::FileSet set) { agent.OnFiles(std::move(set)); });
    ASSIGN_OR_RETURN(const std::unique_ptr<server::Server> local,
                     server::Server::Listen(options.socket, view));
    if (config.healthz_port != 0) {
      const base::Result<int> listening =
          local->ListenHealth(base::Endpoint(config.healthz_bind_address, config.healthz_port));
      if (!listening.ok())
        return listening.error().WithContext(
            "healthz (healthzPort 0 or --healthz-port 0 turns it off)");
    }
    look_at_runtime = [&agent] { agent.CheckRuntime(); };
    ASSIGN_OR_RETURN(const std::unique_ptr<cluster::Servers> servers,
                     cluster::Servers::Open({.api = api ? &*api : nullptr,
                                             .clock = clock,
                                             .runtime = *runtime,
                                             .view = view,
                                             .config = config,
                                             .node = node_name,
                                             .addresses = host_ips,
                                             .root_dir = options.root_dir,
                                             .program = cluster::ProgramOf(options.flags, clock),
                                             .metrics = [&] { return metrics.Text(); },
                                             .probe_metrics = [&] { return metrics.ProbesText(); },
                                             .machine = cluster::MachineOf(shares.capacity)}));
    agent.Begin();
    if (link) {
      health->Start();
      link->Start(agent);
      if (renewal) renewal->Start();
      servers->Start();
    }
    base::LogInfo("the kubelet runs", {{"node", node_name},
                                       {"manifests", config.static_pod_path},
                                       {"runtime", config.container_runtime_endpoint}});
    farewell.emplace(stop, *loop);
    loop->Run();
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto read = program::ReadOptions(argc, argv);
  if (const int* code = std::get_if<int>(&read)) return *code;
  const auto& options = std::get<Options>(read);
  base::Status done = log::LogToStandardError(options.log_level);
  if (done.ok()) {
    done = options.task == program::Task::kCleanUp ? task::CleanUp(options)
           : options.task == program::Task::kCheck ? task::CheckNode(options)
                                                   : Run(options);
  }
  if (done.ok()) return 0;
  std::fprintf(stderr, "keelson-kubelet: %s\n", done.error().message().c_str());
  return 1;
}
