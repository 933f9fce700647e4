// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "kubelet/pod/preemption.h"

namespace keelson::pod {
namespace {

// Namespaced, and harmless to other pods.
const std::set<std::string, std::less<>> kSafeSysctls = {"kernel.shm_rmid_forced",
                                                         "net.ipv4.ip_local_port_range",
                                                         "net.ipv4.tcp_syncookies",
                                                         "net.ipv4.ping_group_range",
                                                         "net.ipv4.ip_unprivileged_port_start",
                                                         "net.ipv4.ip_local_reserved_ports",
                                                         "net.ipv4.tcp_keepalive_time",
                                                         "net.ipv4.tcp_fin_timeout",
                                                         "net.ipv4.tcp_keepalive_intvl",
                                                         "net.ipv4.tcp_keepalive_probes",
                                                         "net.ipv4.tcp_rmem",
                                                         "net.ipv4.tcp_wmem"};

std::optional<End> RefusedSysctl(const kube::Pod& pod, const AdmissionRules& rules) {
  for (const kube::Sysctl& sysctl : pod.spec.security_context.sysctls) {
    std::string name = sysctl.name;
    for (char& c : name) c = c == '/' ? '.' : c;
    const bool net = name.starts_with("net.");
    bool allowed = kSafeSysctls.contains(name);
    for (const std::string& pattern : rules.allowed_unsafe_sysctls) {
      std::string plain = pattern;
      for (char& c : plain) c = c == '/' ? '.' : c;
      allowed = allowed || plain == name ||
                (plain.ends_with('*') &&
                 name.starts_with(std::string_view(plain).substr(0, plain.size() - 1)));
    }
    if (!allowed)
      return End{"SysctlForbidden", fmt::format("forbidden sysctl: \"{}\" not allowlisted", name)};
    if ((net && pod.spec.host_network) || (!net && pod.spec.host_ipc)) {
      return End{"SysctlForbidden",
                 fmt::format("forbidden sysctl: \"{}\" not allowed with host {} enabled", name,
                             net ? "net" : "ipc")};
    }
  }
  return std::nullopt;
}

std::optional<End> RefusedSystem(const kube::Pod& pod) {
  if (!pod.spec.os_name.empty() && pod.spec.os_name != "linux") {
    return End{"PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"};
  }
  const auto selected = pod.spec.node_selector.find("kubernetes.io/os");
  if (selected != pod.spec.node_selector.end() && selected->second != "linux") {
    return End{"PodOSSelectorNodeLabelDoesNotMatch",
               "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"};
  }
  return std::nullopt;
}

struct HostPort {
  std::string protocol, ip;
  int32_t port = 0;
};
std::vector<HostPort> HostPorts(const kube::Pod& pod) {
  std::vector<HostPort> ports;
  const auto add = [&](const kube::Container& container) {
    for (const kube::ContainerPort& port : container.ports) {
      const int32_t number = port.host_port != 0     ? port.host_port
                             : pod.spec.host_network ? port.container_port
                                                     : 0;
      if (number != 0)
        ports.push_back({port.protocol,
                         port.host_ip.empty() || port.host_ip == "::" ? "0.0.0.0" : port.host_ip,
                         number});
    }
  };
  for (const kube::Container& container : pod.spec.containers) add(container);
  for (const kube::Container& container : pod.spec.init_containers) {
    if (IsSidecar(container)) add(container);
  }
  return ports;
}
std::optional<End> RefusedPorts(const kube::Pod& pod, const std::vector<const kube::Pod*>& others) {
  const std::vector<HostPort> wanted = HostPorts(pod);
  if (wanted.empty()) return std::nullopt;
  for (const kube::Pod* other : others) {
    for (const HostPort& taken : HostPorts(*other)) {
      for (const HostPort& port : wanted) {
        if (port.port != taken.port || port.protocol != taken.protocol) continue;
        if (port.ip != taken.ip && port.ip != "0.0.0.0" && taken.ip != "0.0.0.0") continue;
        return End{"NodePorts",
                   fmt::format("Predicate NodePorts failed: node(s) didn't have free ports for the "
                               "requested pod ports: {} {} is pod {}/{}'s",
                               port.protocol, port.port, other->metadata.namespace_name,
                               other->metadata.name)};
      }
    }
  }
  return std::nullopt;
}

// What there is too little of.
struct Shortage {
  std::string resource;
  int64_t requested = 0, used = 0, capacity = 0;  // milli-CPUs, bytes, pods
  int64_t Missing() const { return requested - (capacity - used); }
};

std::vector<Shortage> Shortages(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                                const AdmissionRules& rules) {
  const node_cgroup::NodeCapacity& node = rules.allocatable;
  std::vector<std::pair<std::string, int64_t>> counted = {
      {"pods", node.pods},
      {"cpu", node.milli_cpu},
      {"memory", node.memory_bytes},
      {"ephemeral-storage", node.storage_bytes > 0 ? node.storage_bytes : INT64_MAX}};
  for (const auto& [resource, quantity] : node_cgroup::PodRequests(pod)) {
    const int64_t page = node_cgroup::HugePageSize(resource);
    if (page == 0) continue;
    const auto pool = node.huge_pages.find(node_cgroup::HugePageResource(page));
    counted.emplace_back(resource, pool == node.huge_pages.end() ? 0 : pool->second);
  }
  std::vector<Shortage> found;
  for (const auto& [resource, capacity] : counted) {
    Shortage shortage{resource, RequestOf(pod, resource), 0, capacity};
    if (shortage.requested == 0) continue;
    kube::Wide used = 0;
    for (const kube::Pod* other : others) used += RequestOf(*other, resource);
    shortage.used = static_cast<int64_t>(std::min<kube::Wide>(used, INT64_MAX));
    const bool fits = capacity >= shortage.used && shortage.requested <= capacity - shortage.used;
    if (!fits) found.push_back(std::move(shortage));
  }
  return found;
}

End RefusalOf(const Shortage& shortage) {
  return {fmt::format("OutOf{}", shortage.resource),
          fmt::format("Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}",
                      shortage.resource, shortage.requested, shortage.used, shortage.capacity)};
}

// What is wrong beside too little room.
std::optional<End> OtherRefusal(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                                const AdmissionRules& rules) {
  if (std::optional<End> refused = RefusedPorts(pod, others)) return refused;
  if (std::optional<End> refused = RefusedSystem(pod)) return refused;
  if (!pod.spec.host_users.value_or(true)) {
    return End{"PodFeatureUnsupported",
               "hostUsers: false: this node gives pods no user namespace of their own yet"};
  }
  return RefusedSysctl(pod, rules);
}

}  // namespace

std::optional<End> Refusal(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                           const AdmissionRules& rules) {
  const std::vector<Shortage> shortages = Shortages(pod, others, rules);
  return shortages.empty() ? OtherRefusal(pod, others, rules) : RefusalOf(shortages.front());
}

Admission Admit(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                const AdmissionRules& rules) {
  const std::vector<Shortage> shortages = Shortages(pod, others, rules);
  if (shortages.empty()) return {OtherRefusal(pod, others, rules), {}};
  if (!IsCritical(pod)) return {RefusalOf(shortages.front()), {}};
  if (std::optional<End> refused = OtherRefusal(pod, others, rules))
    return {std::move(refused), {}};
  std::vector<Lack> lacks;
  for (const Shortage& shortage : shortages)
    lacks.push_back({shortage.resource, shortage.Missing()});
  std::vector<const kube::Pod*> candidates;
  for (const kube::Pod* other : others) {
    if (MayPreempt(pod, *other)) candidates.push_back(other);
  }
  std::optional<std::vector<const kube::Pod*>> preempted = ToPreempt(candidates, lacks);
  if (!preempted) return {RefusalOf(shortages.front()), {}};
  return {std::nullopt, *std::move(preempted)};
}

}  // namespace keelson::pod
