// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/view.h"

#include <algorithm>
#include <tuple>

#include "minimal-master/controllers/pods/scaled.h"

namespace keelson::daemonset {
namespace {

using json::Value;
using pods::PodPtr;

}  // namespace

View::View(const Facts& facts) : facts_(facts) {
  const Value& set = facts.set;
  const Placement placement(set.At({"spec", "template"}));
  int64_t wanted = 0;
  for (const NodePtr& node : facts.nodes) {
    places_.push_back({std::string(node->name()), placement.Of(*node), {}});
    if (places_.back().verdict.run) ++wanted;
  }
  for (const PodPtr& pod : facts.pods) {
    if (pod->ended() && pod->being_deleted()) continue;
    const std::string& node = pod->node.empty() ? pod->target_node : pod->node;
    const auto at = std::lower_bound(
        places_.begin(), places_.end(), node,
        [](const Place& place, const std::string& name) { return place.node < name; });
    if (at != places_.end() && at->node == node) {
      at->pods.push_back(pod);
    } else if (pod->node.empty()) {
      lost_.push_back(pod);
    }
  }
  const auto rank = [](const PodPtr& pod) {
    return std::make_tuple(pod->node.empty(), pod->created, pod->name());
  };
  for (Place& place : places_) {
    std::sort(place.pods.begin(), place.pods.end(),
              [&](const PodPtr& a, const PodPtr& b) { return rank(a) < rank(b); });
  }
  generation_ =
      set.At({"metadata", "annotations", "deprecated.daemonset.template.generation"}).AsString();
  min_ready_ = set.At({"spec", "minReadySeconds"}).AsInt();
  const Value& strategy = set.At({"spec", "updateStrategy"});
  rolls_ = strategy.At({"type"}).AsString() != "OnDelete";
  if (!rolls_) return;
  using pods::Round;
  surge_ = pods::Scaled(strategy.At({"rollingUpdate", "maxSurge"}), wanted, Round::kUp);
  unavailable_ = pods::Scaled(strategy.At({"rollingUpdate", "maxUnavailable"}), wanted, Round::kUp);
  if (wanted > 0 && surge_ == 0 && unavailable_ == 0) unavailable_ = 1;
}

bool View::IsPresent(const pods::PodFacts& pod) const {
  return pod.Label(kHashLabel) == facts_.hash ||
         (!generation_.empty() && pod.Label(kGenerationLabel) == generation_);
}

View::Versions View::VersionsAt(const Place& place) const {
  Versions out;
  for (const PodPtr& pod : place.pods) {
    if (pod->being_deleted()) continue;
    PodPtr& one = IsPresent(*pod) ? out.present : out.old;
    if (one) return {false, nullptr, nullptr};
    one = pod;
  }
  return out;
}

}  // namespace keelson::daemonset
