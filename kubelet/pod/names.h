// SPDX-License-Identifier: Apache-2.0
// Names that the kubelet shares with others: labels and annotations by which a runtime's pods are
// recognised (upstream's, so that a node can switch kubelets), log paths that collectors follow,
// host names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/kube/pod.h"

namespace keelson::pod {

inline constexpr char kPodNameLabel[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespaceLabel[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";
inline constexpr char kContainerHash[] = "io.kubernetes.container.hash";
inline constexpr char kRestartCount[] = "io.kubernetes.container.restartCount";
inline constexpr char kTerminationMessagePath[] = "io.kubernetes.container.terminationMessagePath";
inline constexpr char kTerminationMessagePolicy[] =
    "io.kubernetes.container.terminationMessagePolicy";
inline constexpr char kPreStopHandler[] = "io.kubernetes.container.preStopHandler";
inline constexpr char kContainerPorts[] = "io.kubernetes.container.ports";
inline constexpr char kPodGracePeriod[] = "io.kubernetes.pod.terminationGracePeriod";

std::string FullName(const kube::ObjectMeta& metadata);  // name_namespace
std::string PodLogDirectory(const std::string& logs, const kube::ObjectMeta& metadata);
// The pod of such a directory's name; nothing when it is another's.
std::optional<kube::ObjectMeta> PodOfLogDirectory(const std::string& name);
std::string ContainerLogPath(const std::string& container, uint32_t attempt);  // below the pod's
std::string LogLink(const std::string& pod, const std::string& namespace_name,
                    const std::string& container, const std::string& id);

struct HostName {
  std::string short_name;   // what the kernel is told
  std::string domain_name;  // with subdomain, or empty
};
// The error: a name that the kernel cannot hold (64).
base::Result<HostName> PodHostName(const kube::Pod& pod, const std::string& cluster_domain);

}  // namespace keelson::pod
