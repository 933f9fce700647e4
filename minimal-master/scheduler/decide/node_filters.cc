// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/node_filters.h"

namespace keelson::scheduler::decide {

using model::Node;
using model::Pod;

Verdict NodeUnschedulable(const Pod& pod, const Node& node,
                          const model::Taint& unschedulable_taint) {
  if (!node.unschedulable || pod.Tolerates(unschedulable_taint)) return {};
  return Verdict::Never(kNodeUnschedulable);
}

Verdict NodeName(const Pod& pod, const Node& node) {
  if (pod.node == model::kEmpty || pod.node == node.name) return {};
  return Verdict::Never(kNodeName);
}

Verdict TaintToleration(const Pod& pod, const Node& node) {
  if (node.taints.empty() || pod.Untolerated(node.taints) == nullptr) return {};
  return Verdict::Never(kTaint);
}

Verdict NodeAffinity(const Pod& pod, const Node& node) {
  if (pod.nodes.Matches(node.labels, node.name)) return {};
  return Verdict::Never(kNodeAffinity);
}

Verdict NodePorts(const Pod& pod, const Node& node) {
  for (const model::HostPort& port : pod.ports) {
    for (const model::HostPort& taken : node.ports) {
      if (port.Conflicts(taken)) return Verdict::Not(kPorts);
    }
  }
  return {};
}

Verdict ResourcesFit(const Pod& pod, const Node& node) {
  Verdict out;
  if (static_cast<int64_t>(node.pods.size()) + 1 > node.max_pods) out.why |= kTooManyPods;
  const model::Resources& wanted = pod.requests.exact;
  const auto check = [&](Why why, int64_t request, int64_t used, int64_t all) {
    if (request <= 0 || request <= all - used) return;
    out.why |= why;
    if (request > all) out.hopeless = true;
  };
  check(kCpu, wanted.cpu, node.used.cpu, node.allocatable.cpu);
  check(kMemory, wanted.memory, node.used.memory, node.allocatable.memory);
  check(kStorage, wanted.storage, node.used.storage, node.allocatable.storage);
  for (const auto& [name, amount] : wanted.other) {
    const int64_t all = node.allocatable.Other(name);
    if (amount <= 0 || amount <= all - node.used.Other(name)) continue;
    out.why |= kOtherResource;
    out.short_of.push_back(name);
    if (amount > all) out.hopeless = true;
  }
  return out;
}

}  // namespace keelson::scheduler::decide
