// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/queue/hints.h"

#include <algorithm>

#include "minimal-master/scheduler/decide/affinity.h"
#include "minimal-master/scheduler/decide/node_filters.h"

namespace keelson::scheduler::queue {
namespace {

using model::Node;
using model::Pod;

constexpr uint32_t kOfCompany =
    decide::kPodAffinity | decide::kPodAntiAffinity | decide::kExistingAntiAffinity;
constexpr uint32_t kOfVolumes =
    decide::kClaims | decide::kVolumeNode | decide::kVolumeGone | decide::kVolumeNone;

// Nothing but other pods keeps it from this node.
bool IsWelcome(const Pod& pod, const Node& node, const model::Taint& unschedulable_taint) {
  return node.known && decide::NodeUnschedulable(pod, node, unschedulable_taint).ok() &&
         decide::NodeName(pod, node).ok() && decide::TaintToleration(pod, node).ok() &&
         decide::NodeAffinity(pod, node).ok();
}

}  // namespace

bool NodeMayHelp(const Waiting& waiting, const Node& node,
                 const model::Taint& unschedulable_taint) {
  if ((waiting.why & (decide::kClaims | decide::kConflict)) != 0) return false;
  // Domains that come or go move the balance everywhere.
  if ((waiting.why & decide::kSpread) != 0) return true;
  const Pod& pod = *waiting.pod;
  return IsWelcome(pod, node, unschedulable_taint) && node.max_pods > 0 &&
         !decide::ResourcesFit(pod, node).hopeless;
}

bool RoomMayHelp(const Waiting& waiting, const Node* node,
                 const model::Taint& unschedulable_taint) {
  if ((waiting.why & (decide::kSpread | kOfCompany)) != 0) return true;
  if ((waiting.why & (decide::kFit | decide::kPorts)) == 0 || node == nullptr) return false;
  const Pod& pod = *waiting.pod;
  return IsWelcome(pod, *node, unschedulable_taint) && decide::ResourcesFit(pod, *node).ok() &&
         decide::NodePorts(pod, *node).ok();
}

bool CompanyMayHelp(const Waiting& waiting, const Pod& other, const model::Cluster& cluster) {
  const Pod& pod = *waiting.pod;
  if ((waiting.why & decide::kPodAffinity) != 0 &&
      std::any_of(pod.pods.required.begin(), pod.pods.required.end(),
                  [&](const model::PodTerm& term) { return decide::Means(term, other, cluster); }))
    return true;
  return (waiting.why & decide::kSpread) != 0 && other.ns == pod.ns &&
         std::any_of(pod.spreads.begin(), pod.spreads.end(), [&](const model::Spread& spread) {
           return spread.hard && spread.selector.Matches(other.labels);
         });
}

bool NamespaceMayHelp(const Waiting& waiting) { return (waiting.why & kOfCompany) != 0; }

bool ClaimsMayHelp(const Waiting& waiting) { return (waiting.why & kOfVolumes) != 0; }

}  // namespace keelson::scheduler::queue
