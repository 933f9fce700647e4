// SPDX-License-Identifier: Apache-2.0
// The taints that follow from a node's conditions, and labels that mirror each other. Pure. Source:
// k8s.io/kubernetes, pkg/controller/nodelifecycle (1.35).
#pragma once

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/nodes/health.h"

namespace keelson::controllers::nodes {

inline constexpr char kNotReady[] = "node.kubernetes.io/not-ready";
inline constexpr char kUnreachable[] = "node.kubernetes.io/unreachable";

// What the taint with the effect NoExecute is to be.
enum class Evict {
  kNo,    // none: the node is ready, or no zone is whole and nobody is to be blamed
  kKeep,  // it may not be added now: what is there stays, though by the right name
  kYes,
};

// The node with what it lacks, or nothing when it is as it should be.
std::optional<control::Write> PlanNode(const json::Value& node, Evict evict, int64_t now);
// Whether PlanNode(kYes) would add a taint that is not there under either name.
bool LacksEviction(const json::Value& node);

}  // namespace keelson::controllers::nodes
