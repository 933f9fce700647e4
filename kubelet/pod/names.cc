// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/names.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::pod {

std::string FullName(const kube::ObjectMeta& metadata) {
  return metadata.name + "_" + metadata.namespace_name;
}

std::string PodLogDirectory(const std::string& logs, const kube::ObjectMeta& metadata) {
  return logs + "/" + metadata.namespace_name + "_" + metadata.name + "_" + metadata.uid;
}

std::optional<kube::ObjectMeta> PodOfLogDirectory(const std::string& name) {
  const std::vector<std::string_view> parts = base::Split(name, '_');
  if (parts.size() != 3 ||
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); }))
    return std::nullopt;
  kube::ObjectMeta metadata;
  metadata.namespace_name = parts[0];
  metadata.name = parts[1];
  metadata.uid = parts[2];
  return metadata;
}

std::string ContainerLogPath(const std::string& container, uint32_t attempt) {
  return container + "/" + std::to_string(attempt) + ".log";
}

std::string LogLink(const std::string& pod, const std::string& namespace_name,
                    const std::string& container, const std::string& id) {
  return pod + "_" + namespace_name + "_" + container + "-" + id + ".log";
}

base::Result<HostName> PodHostName(const kube::Pod& pod, const std::string& cluster_domain) {
  constexpr size_t kLabel = 63, kKernel = 64;  // RFC 1123; sethostname(2)
  if (!pod.spec.hostname_override.empty()) return HostName{pod.spec.hostname_override, ""};
  HostName name{pod.spec.hostname.empty() ? pod.metadata.name : pod.spec.hostname, ""};
  if (name.short_name.size() > kLabel) {
    name.short_name.resize(kLabel);
    while (name.short_name.ends_with('-') || name.short_name.ends_with('.'))
      name.short_name.pop_back();
  }
  if (!pod.spec.subdomain.empty()) {
    name.domain_name = name.short_name + "." + pod.spec.subdomain + "." +
                       pod.metadata.namespace_name + ".svc." + cluster_domain;
  }
  if (pod.spec.set_hostname_as_fqdn && !name.domain_name.empty()) {
    if (name.domain_name.size() > kKernel) {
      return base::InvalidArgument(
          "setHostnameAsFQDN: the pod's domain name {} has {} characters, the kernel takes {}",
          name.domain_name, name.domain_name.size(), kKernel);
    }
    name.short_name = name.domain_name;
  }
  return name;
}

}  // namespace keelson::pod
