// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/volumes.h"

#include <algorithm>

#include "lib/json/text.h"

namespace keelson::scheduler::decide {

VolumeFilter::VolumeFilter(const model::Pod& pod, const model::Cluster& cluster) {
  bool immediate = false;
  for (const model::Claim& claim : pod.claims) {
    const std::string quoted = "persistentvolumeclaim " + json::Quote(claim.name);
    const model::ClaimState* state =
        cluster.FindClaim(std::string(cluster.symbols().Text(pod.ns)) + "/" + claim.name);
    if (state == nullptr) {
      problem_ = claim.ephemeral ? "waiting for ephemeral volume controller to create the " + quoted
                                 : quoted + " not found";
    } else if (state->lost) {
      problem_ = quoted + " bound to non-existent persistentvolume " + json::Quote(state->volume);
    } else if (state->terminating) {
      problem_ = quoted + " is being deleted";
    } else if (claim.ephemeral && state->owner_uid != pod.uid) {
      problem_ = "PVC " + std::string(cluster.symbols().Text(pod.ns)) + "/" + claim.name +
                 " was not created for pod " + pod.key + " (pod is not owner)";
    }
    if (!problem_.empty()) return;
    if (state->bound) {
      const model::Volume* volume = cluster.FindVolume(state->volume);
      if (volume == nullptr) {
        gone_ = true;
      } else if (volume->has_terms) {
        volumes_.push_back(volume);
      }
    } else if (cluster.WaitsForPod(state->storage_class)) {
      unbound_ = true;
    } else {
      immediate = true;
    }
  }
  if (immediate) problem_ = "pod has unbound immediate PersistentVolumeClaims";
}

Verdict VolumeFilter::Check(const model::Node& node) const {
  if (gone_) return Verdict::Never(kVolumeGone);
  Verdict out;
  for (const model::Volume* volume : volumes_) {
    const bool usable = std::any_of(
        volume->terms.begin(), volume->terms.end(),
        [&](const model::NodeTerm& term) { return term.Matches(node.labels, node.name); });
    if (!usable) out.why |= kVolumeNode;
  }
  if (unbound_) out.why |= kVolumeNone;
  out.hopeless = out.why != 0;
  return out;
}

}  // namespace keelson::scheduler::decide
