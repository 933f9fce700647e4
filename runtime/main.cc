// SPDX-License-Identifier: Apache-2.0
// keelson-runtime: puts the runtime together from its parts and serves the CRI until SIGTERM or
// SIGINT. Containers go on after it.
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/http/server/server.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "lib/os/scheduling.h"
#include "lib/systemd/bus.h"
#include "runtime/cni/cni_network.h"
#include "runtime/config/config.h"
#include "runtime/cri/crio_form.h"
#include "runtime/cri/runtime.h"
#include "runtime/cri/service.h"
#include "runtime/image/image_service_impl.h"
#include "runtime/inventory/check.h"
#include "runtime/metrics/metrics.h"
#include "runtime/monitor/client.h"
#include "runtime/network/network_choice.h"
#include "runtime/network/told_network.h"
#include "runtime/operations/operations.h"
#include "runtime/security/apparmor.h"
#include "runtime/security/defaults.h"
#include "runtime/stream/server.h"

namespace {

using namespace keelson;

using runtime_config::Config;

// One daemon per run directory: two would take each other's pods for their own.
base::Result<os::UniqueFd> Lock(const std::string& run_dir) {
  ASSIGN_OR_RETURN(os::UniqueFd lock,
                   os::Open(run_dir + "/runtime.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  // A daemon that was killed may have a child between fork and exec, which holds its descriptors
  // for a moment.
  const base::SteadyTime deadline = base::SystemClock().Steady() + std::chrono::seconds(3);
  int refused = flock(lock.get(), LOCK_EX | LOCK_NB);
  while (refused != 0 && base::SystemClock().Steady() < deadline) {
    (void)poll(nullptr, 0, 20);
    refused = flock(lock.get(), LOCK_EX | LOCK_NB);
  }
  if (refused != 0) {
    return base::FailedPrecondition(
        "another keelson-runtime uses {}; stop it first, or give --run-dir and --state-dir",
        run_dir);
  }
  return lock;
}

base::Result<std::unique_ptr<image::ImageServiceImpl>> OpenImages(const Config& options) {
  image::ImageServiceImpl::Options images;
  images.paths = {options.state_dir, options.config_dir};
  images.program_dir = options.binary_dir;
  images.pinned_images = options.pinned_images;
  return image::ImageServiceImpl::Open(std::move(images));
}

struct Node {
  os::UniqueFd lock;
  base::SystemClock clock;
  security::DefaultPrograms seccomp;
  std::unique_ptr<security::LocalProfiles> profiles;
  std::unique_ptr<image::ImageServiceImpl> images;
  std::unique_ptr<network::ToldNetwork> bridge;
  std::unique_ptr<cni::CniNetwork> plugins;  // only where they are used, or were
  std::unique_ptr<network::NetworkChoice> network;
  std::unique_ptr<monitor::Anchor> anchor;
  std::unique_ptr<systemd::BusUnits> units;  // only with its cgroup driver
  std::shared_ptr<pod_group::PodGroups> groups;
  metrics::RuntimeMetrics metrics;
  std::unique_ptr<operations::Operations> operations;
  std::unique_ptr<cri_server::Runtime> runtime;
  std::unique_ptr<stream::StreamServer> streams;  // it asks the runtime: it ends first
};

base::Status OpenNetworks(const Config& options, const std::string& boot_id, Node& node) {
  const std::string state = options.state_dir + "/network";
  ASSIGN_OR_RETURN(node.bridge, network::ToldNetwork::Create({options.bridge, options.pod_subnet,
                                                              options.pod_network, state}));
  const bool chosen = options.network == "cni";
  const base::Result<std::vector<os::DirEntry>> records = os::ListDir(state + "/cni");
  if (chosen || (records.ok() && !records->empty())) {
    cni::CniOptions cni;
    cni.conf_dir = options.cni_conf_dir;
    cni.bin_dirs.clear();
    for (const std::string_view dir : base::Split(options.cni_bin_dirs, ':'))
      cni.bin_dirs.emplace_back(dir);
    cni.read_program = options.binary_dir + "/keelson-read";
    cni.state_dir = state + "/cni";
    cni.boot_id = boot_id;
    cni.pod_subnets = options.pod_subnet;
    ASSIGN_OR_RETURN(node.plugins, cni::CniNetwork::Create(cni, node.clock));
  }
  network::PodNetwork* other =
      chosen ? static_cast<network::PodNetwork*>(node.bridge.get()) : node.plugins.get();
  node.network = std::make_unique<network::NetworkChoice>(
      chosen ? static_cast<network::PodNetwork&>(*node.plugins) : *node.bridge,
      other == nullptr ? std::vector<network::PodNetwork*>()
                       : std::vector<network::PodNetwork*>{other});
  return {};
}

base::Result<std::shared_ptr<pod_group::PodGroups>> OpenGroups(const Config& options,
                                                               const cgroup::Layout& cgroups,
                                                               Node& node) {
  if (options.cgroup_driver != "systemd")
    return std::shared_ptr<pod_group::PodGroups>(pod_group::MakeCgroupfsGroups(cgroups));
  if (!systemd::IsBooted()) {
    return base::FailedPrecondition(
        "cgroup-driver: systemd is not process 1 of this machine: use cgroupfs");
  }
  ASSIGN_OR_RETURN(node.units, systemd::ConnectUnits());
  ASSIGN_OR_RETURN(
      std::unique_ptr<pod_group::PodGroups> groups,
      pod_group::MakeSystemdGroups(cgroups, *node.units, options.binary_dir + "/keelson-hold"));
  return std::shared_ptr<pod_group::PodGroups>(std::move(groups));
}

base::Status Assemble(const Config& options, Node& node) {
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  RETURN_IF_ERROR(os::MakeDirs(options.run_dir, 0700));
  ASSIGN_OR_RETURN(node.lock, Lock(options.run_dir));
  ASSIGN_OR_RETURN(std::vector<handlers::Handler> handlers, handlers::Open(options.handlers));
  ASSIGN_OR_RETURN(const cgroup::Layout cgroups, cgroup::DetectLayout());
  // Before anything is started.
  ASSIGN_OR_RETURN(node.groups, OpenGroups(options, cgroups, node));
  ASSIGN_OR_RETURN(const uint64_t capabilities, security::AvailableCapabilities());
  ASSIGN_OR_RETURN(const std::string boot_id, os::ReadFile("/proc/sys/kernel/random/boot_id"));
  ASSIGN_OR_RETURN(node.images, OpenImages(options));
  RETURN_IF_ERROR(OpenNetworks(options, std::string(base::Trim(boot_id)), node));
  ASSIGN_OR_RETURN(node.anchor, monitor::ConnectAnchor(
                                    {options.run_dir, options.state_dir, options.binary_dir}));
  const bool scopes = !options.crio_socket.empty() && node.groups->driver() == "systemd";
  node.profiles = std::make_unique<security::LocalProfiles>(options.seccomp_root);
  node.operations = std::make_unique<operations::Operations>(
      node.clock, [&node, trace = options.trace](const operations::Finished& finished) {
        node.metrics.OperationDone(finished);
        if (trace) {
          base::LogInfo(operations::Describe(finished), {{"object", finished.object}});
        }
      });
  const container::LogLimits log_limits{
      {static_cast<uint64_t>(options.log_rate), options.log_rate_policy == "drop"},
      options.log_rate_by_annotation};
  node.runtime = std::make_unique<cri_server::Runtime>(
      cri_server::Dependencies{options.state_dir,
                               options.run_dir,
                               node.clock,
                               *node.anchor,
                               *node.network,
                               *node.images,
                               node.seccomp,
                               *node.profiles,
                               cgroups,
                               capabilities,
                               std::string(base::Trim(boot_id)),
                               *node.operations,
                               {options.binary_dir + "/keelson-volume"},
                               options.binary_dir + "/keelson-namespaces",
                               options.crio_socket.empty() ? "" : cri_server::kCrioPrefix,
                               security::PrepareAppArmor(options.run_dir),
                               {"/etc/cdi", "/var/run/cdi"},
                               node.groups,
                               scopes ? cri_server::kCrioSuffix : "",
                               std::move(handlers),
                               log_limits});
  RETURN_IF_ERROR(node.runtime->Recover());
  node.images->CollectGarbage();
  FAIL_POINT("runtime.recover.images");
  return {};
}

base::Status OpenStreams(const Config& options, Node& node) {
  stream::ServerOptions streams;
  streams.address = options.stream_address;
  streams.port = static_cast<uint16_t>(options.stream_port);
  streams.program = options.binary_dir + "/keelson-stream";
  for (const auto& [path, text] : {std::pair(&options.stream_certificate, &streams.certificate),
                                   std::pair(&options.stream_key, &streams.key)}) {
    if (path->empty()) continue;
    ASSIGN_OR_RETURN(*text, os::ReadFile(*path));
  }
  base::Result<std::unique_ptr<stream::StreamServer>> server =
      stream::StreamServer::Create(std::move(streams), *node.runtime);
  if (!server.ok()) return server.error().WithContext("streaming");
  node.streams = std::move(*server);
  return {};
}

double ProcessorSeconds() {
  timespec used{};
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Names what hangs. Stages that wait for what a client asked to be waited for are called so.
void TellOfStuck(const operations::Operations& operations, std::chrono::nanoseconds age) {
  for (const operations::UnderWay& operation : operations.List()) {
    if (operation.age_of_stage < age || operation.stage.starts_with("waiting for the")) continue;
    base::LogWarn(
        "a step does not end",
        {{"call", operation.call},
         {"object", operation.object},
         {"stage", operation.stage},
         {"seconds", std::chrono::floor<std::chrono::seconds>(operation.age_of_stage).count()}});
  }
}

// A burst of pods leaves megabytes of free pieces between the allocator's live ones. They go back
// to the kernel once it is over, not during it, since that holds the allocator's locks.
int WaitForSignal(const sigset_t& signals, const operations::Operations& operations) {
  constexpr timespec kLook{2, 0};
  constexpr double kQuiet = 0.02;  // of a look's seconds
  constexpr double kWorth = 0.05;  // of work since the last time
  constexpr std::chrono::seconds kStuck{10};
  double last = ProcessorSeconds(), given_back = last;
  base::SteadyTime told{};
  for (;;) {
    if (const int received = sigtimedwait(&signals, nullptr, &kLook); received > 0) return received;
    if (base::SystemClock().Steady() - told >= kStuck) {
      told = base::SystemClock().Steady();
      TellOfStuck(operations, kStuck);
    }
    const double now = ProcessorSeconds();
    if (now - last < kQuiet && now - given_back > kWorth) {
      (void)malloc_trim(0);
      given_back = ProcessorSeconds();
    }
    last = now;
  }
}

base::Status Serve(const Config& options) {
  sigset_t stop;
  sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&stop, signal);
  sigprocmask(SIG_BLOCK, &stop, nullptr);  // before any thread
  signal(SIGPIPE, SIG_IGN);
  os::AskForShortSlices();  // before any thread: starting a pod is many short turns of several
                            // processes
  Node node;
  RETURN_IF_ERROR(Assemble(options, node));
  RETURN_IF_ERROR(OpenStreams(options, node));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<cri_server::Service> service,
      cri_server::Service::Serve(
          *node.runtime, *node.images, node.clock, options.socket,
          [&node](std::string_view call, std::string_view code, std::chrono::nanoseconds took) {
            node.metrics.CallDone(call, code, took);
          },
          node.streams.get()));
  FAIL_POINT("runtime.recover.serving");
  base::LogInfo("serving the CRI",
                {{"socket", options.socket}, {"pods", node.runtime->ListSandboxes().size()}});
  http::Server crio;
  if (!options.crio_socket.empty()) {
    RETURN_IF_ERROR(
        os::MakeDirs(options.crio_socket.substr(0, options.crio_socket.rfind('/')), 0700));
    const base::Result<int> served =
        crio.Listen(options.crio_socket, [&node](const http::Request& request) {
          return cri_server::AnswerAsCrio(*node.runtime, request);
        });
    if (!served.ok()) return served.error().WithContext("crio-socket");
  }
  http::Server metrics;
  if (!options.metrics.empty()) {
    node.metrics.SetGauges([&node] { return node.runtime->Gauges(); });
    const base::Result<int> port = metrics.Listen(options.metrics, [&node](const http::Request& r) {
      if (r.path != "/metrics") return http::Response{.status = 404, .body = "see /metrics\n"};
      return http::Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                            .body = node.metrics.Text()};
    });
    if (!port.ok()) return port.error().WithContext("metrics");
  }
  const int received = WaitForSignal(stop, *node.operations);
  base::LogInfo("stopping; containers go on", {{"signal", strsignal(received)}});
  return {};
}

// Every pod, the network, the anchor and the cgroup: what `scripts/down` and an uninstalling
// operator want gone. Images stay.
base::Status CleanUp(const Config& options) {
  Node node;
  RETURN_IF_ERROR(Assemble(options, node));
  for (const cri_server::SandboxView& pod : node.runtime->ListSandboxes()) {
    RETURN_IF_ERROR(node.runtime->RemovePodSandbox(pod.record.id));
  }
  node.runtime.reset();
  RETURN_IF_ERROR(node.bridge->RemoveAll());
  RETURN_IF_ERROR(node.anchor->Stop());
  RETURN_IF_ERROR(node.groups->RemoveOwnRoot());
  const std::string pins = options.run_dir + "/netns";
  while (umount2(pins.c_str(), MNT_DETACH) == 0) {
  }
  return os::RemoveTree(pins);
}

base::Status Load(const Config& options, const std::string& layout, const std::string& reference) {
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  RETURN_IF_ERROR(os::MakeDirs(options.run_dir, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd lock, Lock(options.run_dir));
  ASSIGN_OR_RETURN(const std::unique_ptr<image::ImageServiceImpl> images, OpenImages(options));
  ASSIGN_OR_RETURN(const std::string id, images->Load(layout, reference));
  std::printf("%s\n", id.c_str());
  return {};
}

base::Status CheckNode(const Config& config, bool mend) {
  ASSIGN_OR_RETURN(
      const inventory::Report report,
      inventory::Check({config.state_dir, config.run_dir, config.binary_dir, config.socket,
                        config.bridge, config.pod_subnet, config.pod_network, mend}));
  std::printf("%s\n", json::WriteJson(inventory::ToJson(report)).c_str());
  return {};
}

// The settings of this run; a file that was not named may be absent.
base::Result<runtime_config::Effective> Configure(std::string file,
                                                  const std::map<std::string, std::string>& given) {
  runtime_config::Flags flags;
  for (const runtime_config::Setting& setting : runtime_config::Settings()) {
    if (const auto flag = given.find(setting.name); flag != given.end()) flags.emplace_back(*flag);
  }
  const bool named = !file.empty();
  if (!named) {
    const auto directory = given.find("config-dir");
    file = (directory != given.end() ? directory->second : Config().config_dir) + "/runtime.yaml";
  }
  const base::Result<std::string> text = os::ReadFile(file);
  if (!text.ok() && (named || text.error().code() != base::Code::kNotFound)) return text.error();
  ASSIGN_OR_RETURN(runtime_config::Effective effective,
                   runtime_config::Resolve(file, text.ok() ? *text : "", flags));
  Config& config = effective.config;
  if (config.socket.empty()) {
    config.socket = config.run_dir + "/cri.sock";
    effective.origins["socket"] = "run-dir";
  }
  if (config.binary_dir.empty()) {
    std::error_code failed;
    config.binary_dir = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
    if (failed) return base::Error::FromErrno(failed.value(), "read /proc/self/exe");
    effective.origins["binary-dir"] = "where this program is";
  }
  return effective;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Keelson's container runtime: serves the CRI on a unix socket. Without a command: serve.");
  std::map<std::string, std::string> given;
  const Config defaults;
  for (const runtime_config::Setting& setting : runtime_config::Settings()) {
    if (setting.is_switch) {
      app.add_flag_function(
          "--" + setting.name, [&given, name = setting.name](int64_t) { given[name] = "true"; },
          setting.help);
      continue;
    }
    app.add_option_function<std::string>(
           "--" + setting.name,
           [&given, name = setting.name](const std::string& text) { given[name] = text; },
           setting.help)
        ->default_str(setting.show(defaults).AsString());
  }
  std::string file;
  app.add_option("--config", file, "The settings' file; runtime.yaml in --config-dir if there.");
  CLI::App* show = app.add_subcommand(
      "config", "print every setting, what it is for, its value and where that is from");
  CLI::App* clean_up = app.add_subcommand(
      "cleanup", "remove every pod, the network and the cgroups of this node; images stay");
  CLI::App* load = app.add_subcommand(
      "load", "store an image from an OCI layout (a directory or tar) while no daemon runs");
  CLI::App* check = app.add_subcommand(
      "fsck", "whose everything of the runtime's is, as JSON; `keelson fsck` is for people");
  bool mend = false;
  check->add_flag("--mend", mend, "take away what has no owner");
  std::string layout, reference;
  load->add_option("layout", layout)->required();
  load->add_option("reference", reference, "its name")->required();
  app.require_subcommand(0, 1);
  CLI11_PARSE(app, argc, argv);
  const base::Result<runtime_config::Effective> settings = Configure(file, given);
  base::Status done = settings.ok() ? base::Status() : base::Status(settings.error());
  if (done.ok() && *show) {
    std::fputs(runtime_config::Explain(*settings).c_str(), stdout);
    return 0;
  }
  if (done.ok()) done = log::LogToStandardError(settings->config.log_level);
  if (done.ok()) {
    const Config& config = settings->config;
    done = *clean_up ? CleanUp(config)
           : *load   ? Load(config, layout, reference)
           : *check  ? CheckNode(config, mend)
                     : Serve(config);
  }
  if (done.ok()) return 0;
  std::fprintf(stderr, "keelson-runtime: %s\n", done.error().message().c_str());
  return 1;
}
