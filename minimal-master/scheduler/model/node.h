// SPDX-License-Identifier: Apache-2.0
// A node with what runs there, pods that are on their way included. Changed by one thread.
#pragma once

#include <vector>

#include "minimal-master/scheduler/model/pod.h"

namespace keelson::scheduler::model {

struct Image {
  Symbol name = kEmpty;
  int64_t size = 0;
};

struct Node {
  Symbol name = kEmpty;
  bool known = false;  // there is an object; pods may be bound to nodes that have none
  bool unschedulable = false;
  Labels labels;
  Symbol zone = kEmpty;  // region and zone, for the order in which nodes are looked at
  std::vector<Taint> taints;
  Resources allocatable;
  int64_t max_pods = 0;
  std::vector<Image> images;  // by name

  // Sums over `pods`.
  Resources used;
  int64_t scored_cpu = 0;
  int64_t scored_memory = 0;
  std::vector<PodRef> pods;
  std::vector<PodRef> with_rules;  // those that have any inter-pod rule
  std::vector<PodRef> with_required_anti;
  std::vector<HostPort> ports;

  void Add(const PodRef& pod);
  // The one with this uid; false: it is not there.
  bool Remove(const PodRef& pod);
};

// What the object tells; pods stay as they are. Whether anything changed that a pod could have
// waited for.
bool ReadNode(const json::Value& object, Symbols& symbols, Node& node);

}  // namespace keelson::scheduler::model
