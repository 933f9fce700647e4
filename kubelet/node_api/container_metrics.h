// SPDX-License-Identifier: Apache-2.0
// /metrics/cadvisor: what the runtime measures of pods and containers, by the names that cAdvisor
// has and dashboards ask for, and the machine's own figures. Source: k8s.io/kubernetes,
// pkg/kubelet/metrics/collectors (1.35), prometheus.io/docs/instrumenting/exposition_formats.
#pragma once

#include <string>
#include <vector>

#include "cri-api/client/runtime_client.h"
#include "lib/base/result.h"

namespace keelson::node_api {

// Families in the order of their descriptors; what no descriptor names, or has other labels than
// it, is left out. Pure.
std::string ContainerMetrics(const std::vector<cri::MetricDescriptor>& descriptors,
                             const std::vector<cri::PodSandboxMetrics>& pods);

struct MachineFacts {
  std::string boot_id, machine_id, system_uuid;
  int64_t processors = 0, memory_bytes = 0, swap_bytes = 0;
};
std::string MachineMetrics(const MachineFacts& machine);

// Both, asked of the runtime; blocks, any thread.
base::Result<std::string> ReadContainerMetrics(cri_client::RuntimeClient& runtime,
                                               const MachineFacts& machine);

}  // namespace keelson::node_api
