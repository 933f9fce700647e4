// SPDX-License-Identifier: Apache-2.0
// Who may: system:masters everything, nodes what they have to do with, all others by RBAC. Any
// thread; RBAC's index is replaced as a whole. Source: k8s.io/kubernetes,
// plugin/pkg/auth/authorizer/node (1.35).
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "minimal-master/auth/node_graph.h"
#include "minimal-master/auth/rbac.h"

namespace keelson::auth {

// "n1" of a kubelet (system:node:n1 in the group system:nodes); empty: not one.
std::string NodeNameOf(const User& user);

// What a node may by being that node. Not allowed is no refusal: RBAC is asked next.
// `rules`: those of the ClusterRole system:node, for what needs no look at the graph.
Decision AuthorizeNode(const NodeGraph& graph, const std::vector<PolicyRule>& rules,
                       const Attributes& attributes);

class Authorizer {
 public:
  explicit Authorizer(const NodeGraph& graph) : graph_(graph) {}

  void SetRbac(std::shared_ptr<const Rbac> rbac);
  std::shared_ptr<const Rbac> rbac() const;
  // Of a refusal the reason may be empty; ForbiddenText puts it into words.
  Decision Authorize(const Attributes& attributes) const;

 private:
  const NodeGraph& graph_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Rbac> rbac_;  // guarded by mutex_
};

}  // namespace keelson::auth
