// SPDX-License-Identifier: Apache-2.0
// Whether this node takes a pod: room for its requests, its ports on the host, its system, its
// kernel settings. Pure. The first thing that is wrong is the answer, with upstream's reason. For
// a critical pod that lacks nothing but room, pods of less priority are named that must go.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubelet/cgroup/resources.h"
#include "kubelet/pod/facts.h"

namespace keelson::pod {

struct AdmissionRules {
  node_cgroup::NodeCapacity allocatable;
  std::vector<std::string> allowed_unsafe_sysctls;  // names, or prefixes that end with '*'
};
// `others`: pods that are on the node and have not ended.
std::optional<End> Refusal(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                           const AdmissionRules& rules);

struct Admission {
  std::optional<End> refusal;
  std::vector<const kube::Pod*> preempted;  // of the others: must end first
};
Admission Admit(const kube::Pod& pod, const std::vector<const kube::Pod*>& others,
                const AdmissionRules& rules);

}  // namespace keelson::pod
