// SPDX-License-Identifier: Apache-2.0
// What happens in the cluster that may help a pod for which no node would do: what was said of the
// nodes is compared with what is new. A wrong yes costs an attempt, a wrong no five minutes. Pure.
#pragma once

#include "minimal-master/scheduler/model/cluster.h"
#include "minimal-master/scheduler/queue/queue.h"

namespace keelson::scheduler::queue {

// A node came, or changed in what pods look at.
bool NodeMayHelp(const Waiting& waiting, const model::Node& node,
                 const model::Taint& unschedulable_taint);
// A pod is gone from this node (null: an unknown one).
bool RoomMayHelp(const Waiting& waiting, const model::Node* node,
                 const model::Taint& unschedulable_taint);
// A pod was placed, or has other labels.
bool CompanyMayHelp(const Waiting& waiting, const model::Pod& other, const model::Cluster& cluster);
// The labels of a namespace changed.
bool NamespaceMayHelp(const Waiting& waiting);
// A claim, a volume or a class came or changed.
bool ClaimsMayHelp(const Waiting& waiting);

}  // namespace keelson::scheduler::queue
