// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/runtime_config.h"

#include <algorithm>

#include "kubelet/pod/environment.h"
#include "kubelet/pod/hash.h"
#include "kubelet/pod/names.h"

namespace keelson::pod {
namespace {

void FillNamespaces(const kube::PodSpec& spec, cri::NamespaceOption& options) {
  options.set_network(spec.host_network ? cri::NODE : cri::POD);
  options.set_ipc(spec.host_ipc ? cri::NODE : cri::POD);
  options.set_pid(spec.host_pid                  ? cri::NODE
                  : spec.share_process_namespace ? cri::POD
                                                 : cri::CONTAINER);
}

cri::SecurityProfile ProfileOf(const kube::SeccompProfile& profile,
                               const std::string& localhost_root) {
  cri::SecurityProfile out;
  if (profile.type == "RuntimeDefault") {
    out.set_profile_type(cri::SecurityProfile::RuntimeDefault);
  } else if (profile.type == "Localhost") {
    out.set_profile_type(cri::SecurityProfile::Localhost);
    out.set_localhost_ref(localhost_root + profile.localhost_profile);
  } else {
    out.set_profile_type(cri::SecurityProfile::Unconfined);
  }
  return out;
}

void FillLabels(const kube::Pod& pod, google::protobuf::Map<std::string, std::string>& labels) {
  labels[kPodNameLabel] = pod.metadata.name;
  labels[kPodNamespaceLabel] = pod.metadata.namespace_name;
  labels[kPodUidLabel] = pod.metadata.uid;
}

void FillGroups(const kube::PodSecurityContext& security,
                google::protobuf::RepeatedField<int64_t>& groups) {
  for (const int64_t group : security.supplemental_groups) groups.Add(group);
  if (security.fs_group) groups.Add(*security.fs_group);
}

void FillSecurity(const kube::Pod& pod, const kube::Container& container, const NodeSettings& node,
                  cri::LinuxContainerSecurityContext& out) {
  const kube::SecurityContext& own = container.security_context;
  const kube::PodSecurityContext& shared = pod.spec.security_context;
  FillNamespaces(pod.spec, *out.mutable_namespace_options());
  const bool privileged = own.privileged.value_or(false);
  out.set_privileged(privileged);
  out.set_readonly_rootfs(own.read_only_root_filesystem.value_or(false));
  out.set_no_new_privs(own.allow_privilege_escalation.has_value() &&
                       !*own.allow_privilege_escalation);
  if (const auto user = own.run_as_user ? own.run_as_user : shared.run_as_user)
    out.mutable_run_as_user()->set_value(*user);
  if (const auto group = own.run_as_group ? own.run_as_group : shared.run_as_group)
    out.mutable_run_as_group()->set_value(*group);
  FillGroups(shared, *out.mutable_supplemental_groups());
  if (shared.supplemental_groups_policy == "Strict")
    out.set_supplemental_groups_policy(cri::Strict);
  for (const std::string& name : own.capabilities_add)
    out.mutable_capabilities()->add_add_capabilities(name);
  for (const std::string& name : own.capabilities_drop)
    out.mutable_capabilities()->add_drop_capabilities(name);
  if (const auto& profile = own.seccomp_profile ? own.seccomp_profile : shared.seccomp_profile;
      profile && !privileged) {
    *out.mutable_seccomp() = ProfileOf(*profile, node.seccomp_root);
  } else {
    out.mutable_seccomp()->set_profile_type(node.seccomp_default && !privileged
                                                ? cri::SecurityProfile::RuntimeDefault
                                                : cri::SecurityProfile::Unconfined);
  }
  if (const auto& profile =
          own.app_armor_profile ? own.app_armor_profile : shared.app_armor_profile) {
    *out.mutable_apparmor() = ProfileOf(*profile, "");
  }
  if (const auto& selinux = own.se_linux_options ? own.se_linux_options : shared.se_linux_options) {
    out.mutable_selinux_options()->set_user(selinux->user);
    out.mutable_selinux_options()->set_role(selinux->role);
    out.mutable_selinux_options()->set_type(selinux->type);
    out.mutable_selinux_options()->set_level(selinux->level);
  }
  if (privileged || own.proc_mount == "Unmasked") return;
  for (const char* path :
       {"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"}) {
    out.add_masked_paths(path);
  }
  for (const char* path :
       {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})
    out.add_readonly_paths(path);
}

base::Status CheckNonRoot(const kube::Pod& pod, const kube::Container& container,
                          const ContainerInputs& inputs) {
  const auto& own = container.security_context;
  const auto& shared = pod.spec.security_context;
  if (!own.run_as_non_root.value_or(shared.run_as_non_root.value_or(false))) return {};
  if (const auto user = own.run_as_user ? own.run_as_user : shared.run_as_user) {
    if (*user != 0) return {};
    return base::FailedPrecondition(
        "container's runAsUser breaks non-root policy (pod: \"{}\", container: {})",
        FullName(pod.metadata), container.name);
  }
  if (!inputs.image_user_name.empty()) {
    return base::FailedPrecondition(
        "container has runAsNonRoot and image has non-numeric user ({}), cannot verify user is "
        "non-root (pod: \"{}\", container: {})",
        inputs.image_user_name, FullName(pod.metadata), container.name);
  }
  if (inputs.image_user_is_root) {
    return base::FailedPrecondition(
        "container has runAsNonRoot and image will run as root (pod: \"{}\", container: {})",
        FullName(pod.metadata), container.name);
  }
  return {};
}

void AddMount(cri::ContainerConfig& config, const std::string& from, const std::string& to,
              bool read_only) {
  cri::Mount& mount = *config.add_mounts();
  mount.set_host_path(from);
  mount.set_container_path(to);
  mount.set_readonly(read_only);
}

base::Status FillMounts(const kube::Container& container, const ContainerInputs& inputs,
                        cri::ContainerConfig& config) {
  bool own_hosts = false;
  for (size_t i = 0; i < container.volume_mounts.size(); ++i) {
    const kube::VolumeMount& wanted = container.volume_mounts[i];
    const auto volume = inputs.volume_paths.find(wanted.name);
    if (volume == inputs.volume_paths.end())
      return base::NotFound("volume {} of container {} is not mounted", wanted.name,
                            container.name);
    const auto sub = inputs.sub_paths.find(i);
    const std::string to =
        wanted.mount_path.starts_with('/') ? wanted.mount_path : "/" + wanted.mount_path;
    AddMount(config, sub == inputs.sub_paths.end() ? volume->second : sub->second, to,
             wanted.read_only);
    cri::Mount& mount = *config.mutable_mounts(config.mounts_size() - 1);
    if (wanted.mount_propagation == "HostToContainer")
      mount.set_propagation(cri::PROPAGATION_HOST_TO_CONTAINER);
    if (wanted.mount_propagation == "Bidirectional")
      mount.set_propagation(cri::PROPAGATION_BIDIRECTIONAL);
    mount.set_recursive_read_only(kube::IsRecursivelyReadOnly(wanted, inputs.recursive_read_only));
    own_hosts = own_hosts || to == "/etc/hosts";
  }
  if (!inputs.hosts_file.empty() && !own_hosts)
    AddMount(config, inputs.hosts_file, "/etc/hosts", false);
  if (!inputs.termination_log.empty())
    AddMount(config, inputs.termination_log, container.termination_message_path, false);
  return {};
}

void FillPorts(const kube::PodSpec& spec, const kube::Container& container,
               cri::PodSandboxConfig& config) {
  for (const kube::ContainerPort& port : container.ports) {
    if (port.host_port == 0 || spec.host_network) continue;
    cri::PortMapping& mapping = *config.add_port_mappings();
    mapping.set_protocol(port.protocol == "UDP"    ? cri::UDP
                         : port.protocol == "SCTP" ? cri::SCTP
                                                   : cri::TCP);
    mapping.set_container_port(port.container_port);
    mapping.set_host_port(port.host_port);
    mapping.set_host_ip(port.host_ip);
  }
}

// The container as its document has it.
json::Value Written(const kube::Pod& pod, const std::string& container) {
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const json::Value& candidate : pod.object.At({"spec", list}).items()) {
      if (candidate.At({"name"}).AsString() == container) return candidate;
    }
  }
  return {};
}

}  // namespace

base::Result<cri::PodSandboxConfig> SandboxConfig(const kube::Pod& pod, const NodeSettings& node,
                                                  const std::string& cgroup_parent,
                                                  uint32_t attempt) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(pod.metadata.name);
  config.mutable_metadata()->set_namespace_(pod.metadata.namespace_name);
  config.mutable_metadata()->set_uid(pod.metadata.uid);
  config.mutable_metadata()->set_attempt(attempt);
  if (!pod.spec.host_network) {
    ASSIGN_OR_RETURN(const HostName name, PodHostName(pod, node.cluster_dns.domain));
    config.set_hostname(name.short_name);
  }
  config.set_log_directory(PodLogDirectory(node.logs, pod.metadata));
  const ResolverSettings resolver = PodResolver(pod, node.cluster_dns, node.host_resolver);
  for (const std::string& server : resolver.servers)
    config.mutable_dns_config()->add_servers(server);
  for (const std::string& search : resolver.searches)
    config.mutable_dns_config()->add_searches(search);
  for (const std::string& option : resolver.options)
    config.mutable_dns_config()->add_options(option);
  for (const kube::Container& container : pod.spec.containers)
    FillPorts(pod.spec, container, config);
  for (const kube::Container& container : pod.spec.init_containers) {
    if (container.restart_policy == "Always") FillPorts(pod.spec, container, config);
  }
  for (const auto& [key, value] : pod.metadata.labels) (*config.mutable_labels())[key] = value;
  FillLabels(pod, *config.mutable_labels());
  for (const auto& [key, value] : pod.metadata.annotations)
    (*config.mutable_annotations())[key] = value;

  cri::LinuxPodSandboxConfig& linux_config = *config.mutable_linux();
  linux_config.set_cgroup_parent(cgroup_parent);
  for (const kube::Sysctl& sysctl : pod.spec.security_context.sysctls)
    (*linux_config.mutable_sysctls())[sysctl.name] = sysctl.value;
  cri::LinuxSandboxSecurityContext& security = *linux_config.mutable_security_context();
  FillNamespaces(pod.spec, *security.mutable_namespace_options());
  security.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  const kube::PodSecurityContext& shared = pod.spec.security_context;
  if (shared.run_as_user) security.mutable_run_as_user()->set_value(*shared.run_as_user);
  if (shared.run_as_group) security.mutable_run_as_group()->set_value(*shared.run_as_group);
  FillGroups(shared, *security.mutable_supplemental_groups());
  bool privileged = false;
  kube::ForEachContainer(pod.spec, [&](const kube::Container& container) {
    privileged = privileged || container.security_context.privileged.value_or(false);
  });
  security.set_privileged(privileged);
  const node_cgroup::Shares shares = node_cgroup::SharesOfPod(pod, node.cpu_quota);
  linux_config.mutable_resources()->set_cpu_shares(shares.cpu_shares);
  linux_config.mutable_resources()->set_cpu_quota(shares.cpu_quota);
  linux_config.mutable_resources()->set_cpu_period(shares.cpu_period);
  linux_config.mutable_resources()->set_memory_limit_in_bytes(shares.memory_bytes);
  return config;
}

base::Result<cri::ContainerConfig> ContainerConfig(
    const kube::Pod& pod, const kube::Container& container, const NodeSettings& node,
    const ContainerInputs& inputs, const volume::Objects& objects, uint32_t attempt) {
  RETURN_IF_ERROR(CheckNonRoot(pod, container, inputs));
  const volume::DownwardValues values =
      DownwardOf(pod, node.names, inputs.pod_ips, node.allocatable);
  ASSIGN_OR_RETURN(const Environment environment,
                   ContainerEnvironment(pod, container, values, objects));
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name(container.name);
  config.mutable_metadata()->set_attempt(attempt);
  config.mutable_image()->set_image(inputs.image_ref);
  config.mutable_image()->set_user_specified_image(container.image);
  for (const std::string& word : container.command) config.add_command(Expand(word, environment));
  for (const std::string& word : container.args) config.add_args(Expand(word, environment));
  config.set_working_dir(container.working_dir);
  for (const auto& [name, value] : environment) {
    cri::KeyValue& variable = *config.add_envs();
    variable.set_key(name);
    variable.set_value(value);
  }
  RETURN_IF_ERROR(FillMounts(container, inputs, config));
  FillLabels(pod, *config.mutable_labels());
  (*config.mutable_labels())[kContainerNameLabel] = container.name;
  auto& annotations = *config.mutable_annotations();
  annotations[kContainerHash] = ContainerHash(container);
  annotations[kRestartCount] = std::to_string(attempt);
  annotations[kTerminationMessagePath] = container.termination_message_path;
  annotations[kTerminationMessagePolicy] = container.termination_message_policy;
  annotations[kPodGracePeriod] = std::to_string(pod.spec.termination_grace_period_seconds);
  // Whoever finds the container without its pod ends it by these.
  if (container.pre_stop)
    annotations[kPreStopHandler] =
        json::WriteJson(Written(pod, container.name).At({"lifecycle", "preStop"}));
  if (container.pre_stop && !container.ports.empty())
    annotations[kContainerPorts] = json::WriteJson(Written(pod, container.name).At({"ports"}));
  config.set_log_path(ContainerLogPath(container.name, attempt));
  config.set_stdin(container.stdin);
  config.set_stdin_once(container.stdin_once);
  config.set_tty(container.tty);

  cri::LinuxContainerConfig& linux_config = *config.mutable_linux();
  const node_cgroup::Shares shares = node_cgroup::SharesOfContainer(container, node.cpu_quota);
  linux_config.mutable_resources()->set_cpu_shares(shares.cpu_shares);
  linux_config.mutable_resources()->set_cpu_quota(shares.cpu_quota);
  linux_config.mutable_resources()->set_cpu_period(shares.cpu_period);
  linux_config.mutable_resources()->set_memory_limit_in_bytes(shares.memory_bytes);
  linux_config.mutable_resources()->set_oom_score_adj(
      node_cgroup::OomScoreAdjust(pod, container, node.capacity));
  for (const auto& [size, bytes] :
       node_cgroup::HugePageLimits(container.resources.limits, node.capacity)) {
    cri::HugepageLimit& limit = *linux_config.mutable_resources()->add_hugepage_limits();
    limit.set_page_size(size);
    limit.set_limit(static_cast<uint64_t>(std::max<int64_t>(bytes, 0)));
  }
  if (!node.oom_group.empty())
    (*linux_config.mutable_resources()->mutable_unified())["memory.oom.group"] = node.oom_group;
  FillSecurity(pod, container, node, *linux_config.mutable_security_context());
  // Where the pod's processes see one another, or the node's, it sees them as it is.
  cri::NamespaceOption& namespaces =
      *linux_config.mutable_security_context()->mutable_namespace_options();
  if (!inputs.target_id.empty() && namespaces.pid() == cri::CONTAINER) {
    namespaces.set_pid(cri::TARGET);
    namespaces.set_target_id(inputs.target_id);
  }
  return config;
}

}  // namespace keelson::pod
