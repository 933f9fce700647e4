// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <algorithm>

#include "cri-api/cri.h"
#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/cri/network_request.h"
#include "runtime/cri/runtime.h"
#include "runtime/network/pod_namespaces.h"
#include "runtime/security/defaults.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;
using container::SandboxRecord;
using container::SandboxState;

namespace {

const cri::NamespaceOption& NamespacesOf(const cri::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options();
}

Status Check(const cri::PodSandboxConfig& config, const pod_group::PodGroups& groups) {
  const cri::PodSandboxMetadata& metadata = config.metadata();
  if (metadata.name().empty() || metadata.uid().empty() || metadata.namespace_().empty()) {
    return base::InvalidArgument("metadata: name, uid and namespace must be given");
  }
  const bool host_network = NamespacesOf(config).network() == cri::NODE;
  if (!config.hostname().empty()) RETURN_IF_ERROR(security::CheckHostname(config.hostname()));
  for (const auto& [name, value] : config.linux().sysctls()) {
    RETURN_IF_ERROR(
        security::CheckSysctl(name, value, host_network, NamespacesOf(config).ipc() == cri::NODE));
  }
  for (const auto* list : {&config.dns_config().servers(), &config.dns_config().searches(),
                           &config.dns_config().options()}) {
    for (const std::string& entry : *list)
      RETURN_IF_ERROR(security::CheckFileText("dns_config", entry));
  }
  if (!host_network) {
    const Result<network::PodRequest> request = NetworkRequest(config);
    if (!request.ok()) return request.error();
  }
  ASSIGN_OR_RETURN([[maybe_unused]] const spec::UserMapping users,
                   container::PlanUserNamespace(NamespacesOf(config)));
  const Result<std::string> path = groups.PathOf(config.linux().cgroup_parent(), "s", "c");
  return path.ok() ? base::Ok() : Status(path.error());
}

std::string Key(const cri::PodSandboxMetadata& metadata) {
  return "sandbox/" + metadata.namespace_() + "/" + metadata.name() + "/" + metadata.uid() + "/" +
         std::to_string(metadata.attempt());
}

}  // namespace

Result<std::string> Runtime::RunPodSandbox(const cri::PodSandboxConfig& config,
                                           const std::string& handler) {
  RETURN_IF_ERROR(CheckHandler(handler, config));
  RETURN_IF_ERROR(Check(config, *d_.pod_groups));
  const std::string key = Key(config.metadata());
  std::promise<Result<std::string>> promise;
  std::shared_future<Result<std::string>> other;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, sandbox] : sandboxes_) {
      // The first call's answer was lost on its way: the retry gets it.
      if (Key(sandbox->view.config.metadata()) == key &&
          sandbox->view.record.state == SandboxState::kReady)
        return id;
    }
    if (const auto found = under_way_.find(key); found != under_way_.end()) {
      other = found->second;
    } else {
      under_way_[key] = promise.get_future().share();
    }
  }
  if (other.valid()) return other.get();
  Result<std::string> result = MakeSandbox(config, handler);
  promise.set_value(result);
  const std::lock_guard lock(mutex_);
  under_way_.erase(key);
  return result;
}

Result<std::string> Runtime::MakeSandbox(const cri::PodSandboxConfig& config,
                                         const std::string& handler) {
  operations::Stage("record");
  const auto sandbox = std::make_shared<Sandbox>();
  SandboxRecord& record = sandbox->view.record;
  record.id = base::NewObjectId();
  record.created_at = d_.clock.WallNanos();
  record.config = config.SerializeAsString();
  record.handler = handler;
  record.boot_id = d_.boot_id;
  record.cgroup_driver = d_.pod_groups->driver();
  sandbox->view.config = config;
  const std::string id = record.id;
  RETURN_IF_ERROR(os::MakeDirs(SandboxDir(id), 0700));
  FAIL_POINT("runtime.pod.directory");
  if (const Status written =
          os::WriteFileAtomic(SandboxDir(id) + "/record", container::Encode(record), 0600);
      !written.ok()) {
    (void)os::RemoveTree(SandboxDir(id));
    return written.error();
  }
  FAIL_POINT("runtime.pod.recorded");
  {
    const std::lock_guard lock(mutex_);
    making_[id] = false;
  }
  Status built = BuildSandbox(sandbox);
  if (built.ok()) {
    built = Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kReady; });
  }
  FAIL_POINT("runtime.pod.ready");
  if (!built.ok()) {
    const bool gone = TearDownOrKeep(sandbox);
    if (gone) (void)Discard(SandboxDir(id));
    const std::lock_guard lock(mutex_);
    making_.erase(id);
    if (!gone) sandboxes_[id] = sandbox;
    return built.error().WithContext(
        fmt::format("run pod '{}/{}'", config.metadata().namespace_(), config.metadata().name()));
  }
  bool lost = false;
  {
    const std::lock_guard lock(mutex_);
    sandboxes_[id] = sandbox;
    lost = making_.extract(id).mapped();
    ++changes_;
  }
  if (lost) OnMonitorLost(id);
  Emit(Event::kCreated, id, id);
  Emit(Event::kStarted, id, id);
  return id;
}

pod_group::Pod Runtime::GroupOf(const SandboxView& view) {
  const cri::PodSandboxMetadata& metadata = view.config.metadata();
  return {view.record.id, view.config.linux().cgroup_parent(),
          "Pod " + metadata.namespace_() + "/" + metadata.name()};
}

monitor::PodSetup Runtime::SetupOf(const SandboxView& view) const {
  monitor::PodSetup setup;
  setup.sandbox_id = view.record.id;
  setup.run_dir = PodRunDir(view.record.id);
  setup.users = container::PlanUserNamespace(NamespacesOf(view.config)).ValueOr({});
  setup.share_process_namespace = NamespacesOf(view.config).pid() == cri::POD;
  const std::string parent = view.config.linux().cgroup_parent();
  const cgroup::Group group(d_.cgroups,
                            d_.pod_groups->PathOf(parent, view.record.id, view.record.id)
                                .ValueOr("/keelson/" + view.record.id));
  setup.log_cgroup = base::Join(group.V1Directories(), "\n");
  if (!group.UnifiedDirectory().empty())
    setup.log_cgroup += (setup.log_cgroup.empty() ? "" : "\n") + group.UnifiedDirectory();
  return setup;
}

Status Runtime::BuildSandbox(const SandboxPtr& sandbox) {
  const cri::PodSandboxConfig& config = sandbox->view.config;
  const std::string& id = sandbox->view.record.id;
  const bool host_network = NamespacesOf(config).network() == cri::NODE;
  network::NamespaceRequest request;
  request.net = !host_network;
  request.uts = !host_network;
  request.ipc = NamespacesOf(config).ipc() != cri::NODE;
  request.hostname = config.hostname();
  const spec::UserMapping users = container::PlanUserNamespace(NamespacesOf(config)).ValueOr({});
  if (users.size != 0) request.owners = {users.uid, users.gid, users.size};
  request.helper = d_.namespaces_program;
  for (const auto& [name, value] : config.linux().sysctls()) request.sysctls[name] = value;
  operations::Stage("namespaces");
  ASSIGN_OR_RETURN(network::Namespaces made, network::MakeNamespaces(request));
  FAIL_POINT("runtime.pod.namespaces");
  RETURN_IF_ERROR(os::MakeDirs(PodRunDir(id), 0700));
  FAIL_POINT("runtime.pod.run_directory");
  operations::Stage("cgroup");
  ASSIGN_OR_RETURN(
      std::unique_ptr<pod_group::Hold> hold,
      d_.pod_groups->Make(GroupOf(sandbox->view)).WithContext("make the pod's cgroup"));
  FAIL_POINT("runtime.pod.cgroup");
  operations::Stage("pin the network namespace");
  if (made.net) RETURN_IF_ERROR(network::PinNamespace(made.net.get(), PinDir(), id));
  FAIL_POINT("runtime.pod.pinned");

  // The network is set up while the monitor starts.
  std::future<Result<network::PodAddress>> address;
  if (made.net) {
    ASSIGN_OR_RETURN(os::UniqueFd netns, os::Duplicate(made.net.get()));
    ASSIGN_OR_RETURN(network::PodRequest pod, NetworkRequest(config));
    pod.sandbox_id = id;
    ASSIGN_OR_RETURN(pod.cgroup, d_.pod_groups->PathOf(config.linux().cgroup_parent(), id, id));
    address = std::async(std::launch::async,
                         [this, pod = std::move(pod), fd = std::move(netns)]() mutable {
                           pod.netns = fd.get();
                           return d_.network.Setup(pod);
                         });
  }
  monitor::PodNamespaces namespaces{std::move(made.net), std::move(made.ipc), std::move(made.uts),
                                    std::move(made.user)};
  operations::Stage("monitor");
  Result<std::unique_ptr<monitor::MonitorClient>> monitor = d_.anchor.StartMonitor(
      SetupOf(sandbox->view), namespaces,
      [this](const monitor::ExitRecord& record) { OnExit(record); },
      [this, id] { OnMonitorLost(id); });
  FAIL_POINT("runtime.pod.monitor");
  if (monitor.ok()) {
    const std::lock_guard lock(mutex_);
    sandbox->monitor = std::move(monitor).value();
  }
  operations::Stage("network");
  std::vector<std::string> addresses;
  if (address.valid()) {
    ASSIGN_OR_RETURN(network::PodAddress given, address.get());
    addresses = std::move(given.addresses);
  }
  FAIL_POINT("runtime.pod.network");
  if (!monitor.ok()) return monitor.error().WithContext("start the pod's monitor");
  {
    const std::lock_guard lock(mutex_);
    sandbox->view.record.addresses = addresses;
  }
  operations::Stage("files");
  RETURN_IF_ERROR(WritePodFiles(*sandbox, addresses));
  FAIL_POINT("runtime.pod.files");
  if (!hold) return {};
  // A monitor that answers has started its log process, which keeps the group from now on.
  operations::Stage("log process");
  const std::shared_ptr<monitor::MonitorClient> begun = MonitorOf(sandbox);
  if (!begun) return base::Unavailable("the pod's monitor was lost");
  const auto answered = begun->ListContainers();
  return answered.ok() ? base::Ok() : Status(answered.error());
}

Status Runtime::WritePodFiles(const Sandbox& sandbox, const std::vector<std::string>& addresses) {
  const cri::PodSandboxConfig& config = sandbox.view.config;
  const std::string dir = SandboxDir(sandbox.view.record.id);
  const bool host_network = NamespacesOf(config).network() == cri::NODE;
  if (host_network) {
    ASSIGN_OR_RETURN(const std::string hosts, os::ReadFile("/etc/hosts", 1 << 20));
    RETURN_IF_ERROR(os::WriteFileAtomic(dir + "/hosts", hosts, 0644));
    RETURN_IF_ERROR(os::WriteFileAtomic(
        dir + "/hostname", os::ReadFile("/proc/sys/kernel/hostname").ValueOr("\n"), 0644));
  } else {
    std::string hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    if (!config.hostname().empty()) {
      for (const std::string& address : addresses)
        hosts += address + "\t" + config.hostname() + "\n";
    }
    RETURN_IF_ERROR(os::WriteFileAtomic(dir + "/hosts", hosts, 0644));
    RETURN_IF_ERROR(os::WriteFileAtomic(dir + "/hostname", config.hostname() + "\n", 0644));
  }
  std::string resolv;
  const cri::DNSConfig& dns = config.dns_config();
  for (const std::string& server : dns.servers()) resolv += "nameserver " + server + "\n";
  if (dns.searches_size() > 0) {
    resolv += "search";
    for (const std::string& domain : dns.searches()) resolv += " " + domain;
    resolv += "\n";
  }
  if (dns.options_size() > 0) {
    resolv += "options";
    for (const std::string& option : dns.options()) resolv += " " + option;
    resolv += "\n";
  }
  if (!config.has_dns_config()) resolv = os::ReadFile("/etc/resolv.conf", 1 << 20).ValueOr("");
  return os::WriteFileAtomic(dir + "/resolv.conf", resolv, 0644);
}

Status Runtime::TearDownSandbox(const SandboxPtr& sandbox) {
  const std::string& id = sandbox->view.record.id;
  Status first;
  const auto note = [&](const Status& status, const char* what) {
    if (status.ok()) return;
    base::LogWarn("part of a pod stays behind, the next attempt takes it away",
                  {{"pod", id}, {"part", what}, {"error", status.error()}});
    if (first.ok())
      first =
          status.error().WithContext(fmt::format("tear down the {} of pod sandbox '{}'", what, id));
  };
  std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(sandbox);
  if (!monitor) {
    // A pod that was cut off while it was made, or whose record is lost, may have one of which
    // nobody knows.
    Result<std::unique_ptr<monitor::MonitorClient>> left =
        d_.anchor.AdoptMonitor(SetupOf(sandbox->view), nullptr, nullptr);
    if (left.ok()) monitor = std::move(left).value();
    if (!left.ok() && left.error().code() != base::Code::kNotFound)
      note(d_.anchor.Drop(id), "monitor");
  }
  operations::Stage("monitor");
  if (monitor) {
    const Status ended = monitor->Shutdown();
    note(ended, "monitor");
    const std::lock_guard lock(mutex_);
    if (ended.ok()) sandbox->monitor.reset();
  }
  FAIL_POINT("runtime.pod.monitor_ended");
  operations::Stage("network");
  note(d_.network.Teardown(id), "network");
  FAIL_POINT("runtime.pod.network_gone");
  operations::Stage("cgroup and directories");
  note(network::UnpinNamespace(PinDir(), id), "network namespace");
  FAIL_POINT("runtime.pod.unpinned");
  note(d_.pod_groups->Remove(GroupOf(sandbox->view)), "cgroup");
  FAIL_POINT("runtime.pod.cgroup_gone");
  note(os::RemoveTree(PodRunDir(id)), "run directory");
  FAIL_POINT("runtime.pod.run_directory_gone");
  return first;
}

bool Runtime::TearDownOrKeep(const SandboxPtr& sandbox) {
  if (TearDownSandbox(sandbox).ok()) return true;
  const Status kept = Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kStopping; });
  if (!kept.ok())
    base::LogError("cannot write that a pod is being stopped",
                   {{"pod", sandbox->view.record.id}, {"error", kept.error()}});
  return false;
}

Status Runtime::StopPodSandbox(const std::string& id) {
  const SandboxPtr sandbox = FindSandbox(id);
  if (!sandbox) return base::Ok();
  const std::lock_guard operation(sandbox->operation);
  SandboxState state;
  {
    const std::lock_guard lock(mutex_);
    state = sandbox->view.record.state;
  }
  if (state >= SandboxState::kStopped) return base::Ok();
  // From here on nothing more is started in it.
  if (state != SandboxState::kStopping)
    RETURN_IF_ERROR(Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kStopping; }));
  FAIL_POINT("runtime.pod.stopping");
  for (const ContainerPtr& container : ContainersOf(sandbox->view.record.id)) {
    RETURN_IF_ERROR(StopContainer(container->view.record.id, std::chrono::seconds(0)));
  }
  FAIL_POINT("runtime.pod.containers_stopped");
  RETURN_IF_ERROR(TearDownSandbox(sandbox));
  RETURN_IF_ERROR(Update(sandbox, [](SandboxRecord& r) { r.state = SandboxState::kStopped; }));
  FAIL_POINT("runtime.pod.stopped");
  const std::string full = sandbox->view.record.id;
  Emit(Event::kStopped, full, full);
  return base::Ok();
}

Status Runtime::RemovePodSandbox(const std::string& id) {
  const SandboxPtr sandbox = FindSandbox(id);
  if (!sandbox) return base::Ok();
  const std::string full = sandbox->view.record.id;
  RETURN_IF_ERROR(StopPodSandbox(full));
  for (const ContainerPtr& container : ContainersOf(full))
    RETURN_IF_ERROR(RemoveContainer(container->view.record.id));
  FAIL_POINT("runtime.pod.containers_removed");
  const std::lock_guard operation(sandbox->operation);
  RETURN_IF_ERROR(Discard(SandboxDir(full)));
  FAIL_POINT("runtime.pod.discarded");
  SandboxView last;
  {
    const std::lock_guard lock(mutex_);
    last = sandbox->view;
    if (sandboxes_.erase(full) == 0) return base::Ok();  // two removed it at once
  }
  Emit(Event::kDeleted, full, last);
  return base::Ok();
}

}  // namespace keelson::cri_server
