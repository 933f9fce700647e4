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

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "lib/os/scheduling.h"
#include "runtime/cri/runtime.h"
#include "runtime/cri/service.h"
#include "runtime/image/image_service_impl.h"
#include "runtime/monitor/client.h"
#include "runtime/network/bridge_network.h"
#include "runtime/security/defaults.h"

namespace {

using namespace keelson;

struct Options {
  std::string state_dir = "/var/lib/keelson";
  std::string run_dir = "/run/keelson";
  std::string config_dir = "/etc/keelson";
  std::string socket;      // default: <run>/cri.sock
  std::string binary_dir;  // default: where this program is
  std::string bridge = "keelson0";
  std::string pod_subnet = "10.42.0.0/24";
  std::string pod_network = "10.42.0.0/16";
  std::string seccomp_root = "/var/lib/kubelet/seccomp";
  std::string log_level = "info";
  std::string layout, reference;  // load
};

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

base::Result<std::unique_ptr<image::ImageServiceImpl>> OpenImages(const Options& options) {
  image::ImageServiceImpl::Options images;
  images.paths = {options.state_dir, options.config_dir};
  images.program_dir = options.binary_dir;
  return image::ImageServiceImpl::Open(std::move(images));
}

struct Node {
  os::UniqueFd lock;
  base::SystemClock clock;
  security::DefaultPrograms seccomp;
  std::unique_ptr<security::LocalProfiles> profiles;
  std::unique_ptr<image::ImageServiceImpl> images;
  std::unique_ptr<network::BridgeNetwork> network;
  std::unique_ptr<monitor::Anchor> anchor;
  std::unique_ptr<cri_server::Runtime> runtime;
};

base::Status Assemble(const Options& options, Node& node) {
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  RETURN_IF_ERROR(os::MakeDirs(options.run_dir, 0700));
  ASSIGN_OR_RETURN(node.lock, Lock(options.run_dir));
  ASSIGN_OR_RETURN(const cgroup::Layout cgroups, cgroup::DetectLayout());
  ASSIGN_OR_RETURN(const uint64_t capabilities, security::AvailableCapabilities());
  ASSIGN_OR_RETURN(const std::string boot_id, os::ReadFile("/proc/sys/kernel/random/boot_id"));
  ASSIGN_OR_RETURN(node.images, OpenImages(options));
  ASSIGN_OR_RETURN(node.network, network::BridgeNetwork::Create({options.bridge, options.pod_subnet,
                                                                 options.pod_network,
                                                                 options.state_dir + "/network"}));
  ASSIGN_OR_RETURN(node.anchor, monitor::ConnectAnchor(
                                    {options.run_dir, options.state_dir, options.binary_dir}));
  node.profiles = std::make_unique<security::LocalProfiles>(options.seccomp_root);
  node.runtime = std::make_unique<cri_server::Runtime>(cri_server::Dependencies{
      options.state_dir, options.run_dir, node.clock, *node.anchor, *node.network, *node.images,
      node.seccomp, *node.profiles, cgroups, capabilities, std::string(base::Trim(boot_id))});
  RETURN_IF_ERROR(node.runtime->Recover());
  node.images->CollectGarbage();
  return {};
}

double ProcessorSeconds() {
  timespec used{};
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// A burst of pods leaves megabytes of free pieces between the allocator's live ones. They go back
// to the kernel once it is over, not during it, since that holds the allocator's locks.
int WaitForSignal(const sigset_t& signals) {
  constexpr timespec kLook{2, 0};
  constexpr double kQuiet = 0.02;  // of a look's seconds
  constexpr double kWorth = 0.05;  // of work since the last time
  double last = ProcessorSeconds(), given_back = last;
  for (;;) {
    if (const int received = sigtimedwait(&signals, nullptr, &kLook); received > 0) return received;
    const double now = ProcessorSeconds();
    if (now - last < kQuiet && now - given_back > kWorth) {
      (void)malloc_trim(0);
      given_back = ProcessorSeconds();
    }
    last = now;
  }
}

base::Status Serve(const Options& options) {
  sigset_t stop;
  sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&stop, signal);
  sigprocmask(SIG_BLOCK, &stop, nullptr);  // before any thread
  signal(SIGPIPE, SIG_IGN);
  os::AskForShortSlices();  // before any thread: starting a pod is many short turns of several
                            // processes
  Node node;
  RETURN_IF_ERROR(Assemble(options, node));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<cri_server::Service> service,
      cri_server::Service::Serve(*node.runtime, *node.images, node.clock, options.socket));
  base::LogInfo("serving the CRI",
                {{"socket", options.socket}, {"pods", node.runtime->ListSandboxes().size()}});
  const int received = WaitForSignal(stop);
  base::LogInfo("stopping; containers go on", {{"signal", strsignal(received)}});
  return {};
}

// Every pod, the network, the anchor and the cgroup: what `scripts/down` and an uninstalling
// operator want gone. Images stay.
base::Status CleanUp(const Options& options) {
  Node node;
  RETURN_IF_ERROR(Assemble(options, node));
  for (const cri_server::SandboxView& pod : node.runtime->ListSandboxes()) {
    RETURN_IF_ERROR(node.runtime->RemovePodSandbox(pod.record.id));
  }
  node.runtime.reset();
  RETURN_IF_ERROR(node.network->RemoveAll());
  RETURN_IF_ERROR(node.anchor->Stop());
  ASSIGN_OR_RETURN(const cgroup::Layout cgroups, cgroup::DetectLayout());
  // Another daemon on this machine may have pods there.
  RETURN_IF_ERROR(cgroup::Group(cgroups, "/keelson").RemoveIfEmpty());
  const std::string pins = options.run_dir + "/netns";
  while (umount2(pins.c_str(), MNT_DETACH) == 0) {
  }
  return os::RemoveTree(pins);
}

base::Status Load(const Options& options) {
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  RETURN_IF_ERROR(os::MakeDirs(options.run_dir, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd lock, Lock(options.run_dir));
  ASSIGN_OR_RETURN(const std::unique_ptr<image::ImageServiceImpl> images, OpenImages(options));
  ASSIGN_OR_RETURN(const std::string id, images->Load(options.layout, options.reference));
  std::printf("%s\n", id.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Keelson's container runtime: serves the CRI on a unix socket. Without a command: serve.");
  app.add_option("--state-dir", options.state_dir, "what survives a reboot")->capture_default_str();
  app.add_option("--run-dir", options.run_dir, "what does not, on tmpfs")->capture_default_str();
  app.add_option("--config-dir", options.config_dir, "registries/<host>/hosts.toml")
      ->capture_default_str();
  app.add_option("--socket", options.socket,
                 "the CRI's socket (default: cri.sock in the run directory)");
  app.add_option("--binary-dir", options.binary_dir,
                 "where the helper programs are (default: beside this one)");
  app.add_option("--bridge", options.bridge, "the pods' bridge")->capture_default_str();
  app.add_option("--pod-subnet", options.pod_subnet, "this node's pods")->capture_default_str();
  app.add_option("--pod-network", options.pod_network, "all pods; what leaves it is masqueraded")
      ->capture_default_str();
  app.add_option("--seccomp-root", options.seccomp_root,
                 "Localhost seccomp profiles: the kubelet's root directory and /seccomp")
      ->capture_default_str();
  app.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->capture_default_str();
  CLI::App* clean_up = app.add_subcommand(
      "cleanup", "remove every pod, the network and the cgroups of this node; images stay");
  CLI::App* load = app.add_subcommand(
      "load", "store an image from an OCI layout (a directory or tar) while no daemon runs");
  load->add_option("layout", options.layout)->required();
  load->add_option("reference", options.reference, "its name")->required();
  app.require_subcommand(0, 1);
  CLI11_PARSE(app, argc, argv);
  if (options.socket.empty()) options.socket = options.run_dir + "/cri.sock";
  if (options.binary_dir.empty()) {
    char self[4096];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    if (length > 0) options.binary_dir = std::string(self, static_cast<size_t>(length));
    options.binary_dir.erase(options.binary_dir.find_last_of('/') == std::string::npos
                                 ? 0
                                 : options.binary_dir.find_last_of('/'));
  }
  base::Status done = log::LogToStandardError(options.log_level);
  if (done.ok()) done = *clean_up ? CleanUp(options) : *load ? Load(options) : Serve(options);
  if (done.ok()) return 0;
  std::fprintf(stderr, "keelson-runtime: %s\n", done.error().message().c_str());
  return 1;
}
