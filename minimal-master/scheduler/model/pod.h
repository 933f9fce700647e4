// SPDX-License-Identifier: Apache-2.0
// All that the scheduler wants to know of a pod, read once from its object. Immutable, shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "minimal-master/scheduler/model/resources.h"
#include "minimal-master/scheduler/model/terms.h"

namespace keelson::scheduler::model {

struct Claim {
  std::string name;
  bool ephemeral = false;  // made for the pod by a controller
};

struct Pod {
  std::string key;  // "ns/name"
  std::string name;
  std::string uid;
  Symbol ns = kEmpty;
  Symbol node = kEmpty;  // where it is bound to; empty: nowhere yet
  Symbol nominated = kEmpty;
  int32_t priority = 0;
  int64_t created = 0;  // seconds since the epoch
  int64_t generation = 0;
  int64_t started = 0;  // nanoseconds, 0: not yet
  bool ours = true;     // schedulerName is default-scheduler
  bool over = false;    // Succeeded or Failed: takes nothing any more
  bool terminating = false;
  bool preempted = false;  // terminating because the scheduler said so
  bool gated = false;
  bool may_preempt = true;
  Labels labels;
  PodRequests requests;
  std::vector<Toleration> tolerations;
  NodeRules nodes;
  PodRules pods;
  std::vector<Spread> spreads;
  std::vector<HostPort> ports;
  std::vector<Symbol> images;  // one a container, init containers too
  std::vector<Claim> claims;
  std::string owner;  // "ReplicaSet/name" of what controls it; empty: nothing that has a selector

  bool Tolerates(const Taint& taint) const;
  // The first one that keeps it from being scheduled, or null.
  const Taint* Untolerated(const std::vector<Taint>& taints) const;
};
using PodRef = std::shared_ptr<const Pod>;

// `over` etc. are told by the object; everything that admission fills in is there.
PodRef PodOf(const json::Value& object, Symbols& symbols);

// "web" as "web:latest": as nodes tell what they have.
std::string NormalizedImage(std::string_view image);

}  // namespace keelson::scheduler::model
