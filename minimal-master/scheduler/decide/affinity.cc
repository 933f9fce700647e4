// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/affinity.h"

#include <algorithm>
#include <limits>

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;
using model::PodRef;
using model::PodTerm;
using model::Symbol;

// Somebody's required affinity draws others as if it were preferred with this weight.
constexpr int kRequiredWeight = 1;

using ByTopology = std::vector<std::pair<Symbol, Domains>>;

Domains& DomainsOf(ByTopology& all, Symbol topology) {
  for (auto& [key, domains] : all) {
    if (key == topology) return domains;
  }
  return all.emplace_back(topology, Domains()).second;
}

bool MeansAll(const std::vector<PodTerm>& terms, const Pod& target, const model::Cluster& cluster) {
  return !terms.empty() && std::all_of(terms.begin(), terms.end(), [&](const PodTerm& term) {
    return Means(term, target, cluster);
  });
}

}  // namespace

bool Means(const PodTerm& term, const Pod& target, const model::Cluster& cluster) {
  const bool there = std::binary_search(term.namespaces.begin(), term.namespaces.end(), target.ns);
  if (!there && (term.namespace_selector.nothing ||
                 !term.namespace_selector.Matches(cluster.NamespaceLabels(target.ns))))
    return false;
  return term.selector.Matches(target.labels);
}

AffinityFilter::AffinityFilter(const Pod& pod, const model::Cluster& cluster)
    : pod_(pod),
      cluster_(cluster),
      near_(pod.pods.required.size()),
      away_(pod.pods.required_anti.size()) {
  const bool all = !near_.empty() || !away_.empty();
  for (const Node* node : cluster.nodes()) {
    if (all) {
      for (const PodRef& other : node->pods) Update(*other, *node, 1);
    } else {
      for (const PodRef& other : node->with_required_anti) Update(*other, *node, 1);
    }
  }
}

void AffinityFilter::Update(const Pod& other, const Node& node, int by) {
  for (const PodTerm& term : other.pods.required_anti) {
    const Symbol* value = node.labels.Find(term.topology);
    if (value != nullptr && Means(term, pod_, cluster_))
      DomainsOf(kept_away_, term.topology).At(*value) += by;
  }
  if (MeansAll(pod_.pods.required, other, cluster_)) {
    for (size_t i = 0; i < near_.size(); ++i) {
      const Symbol* value = node.labels.Find(pod_.pods.required[i].topology);
      if (value == nullptr) continue;
      near_[i].At(*value) += by;
      near_total_ += by;
    }
  }
  for (size_t i = 0; i < away_.size(); ++i) {
    const PodTerm& term = pod_.pods.required_anti[i];
    const Symbol* value = node.labels.Find(term.topology);
    if (value != nullptr && Means(term, other, cluster_)) away_[i].At(*value) += by;
  }
}

Verdict AffinityFilter::Check(const Node& node) const {
  bool found = true;
  for (size_t i = 0; i < near_.size(); ++i) {
    const Symbol* value = node.labels.Find(pod_.pods.required[i].topology);
    if (value == nullptr) return Verdict::Never(kPodAffinity);
    if (near_[i].Get(*value) <= 0) found = false;
  }
  // The first of a group that wants to be together has nobody to be near to.
  if (!found && !(near_total_ == 0 && MeansAll(pod_.pods.required, pod_, cluster_)))
    return Verdict::Never(kPodAffinity);
  for (size_t i = 0; i < away_.size(); ++i) {
    const Symbol* value = node.labels.Find(pod_.pods.required_anti[i].topology);
    if (value != nullptr && away_[i].Get(*value) > 0) return Verdict::Not(kPodAntiAffinity);
  }
  for (const auto& [topology, domains] : kept_away_) {
    const Symbol* value = node.labels.Find(topology);
    if (value != nullptr && domains.Get(*value) > 0) return Verdict::Not(kExistingAntiAffinity);
  }
  return {};
}

std::vector<int64_t> ScoreAffinity(const Pod& pod, const model::Cluster& cluster,
                                   const std::vector<const Node*>& nodes) {
  const bool all = !pod.pods.preferred.empty() || !pod.pods.preferred_anti.empty();
  ByTopology marks_of;
  const auto add = [&](const std::vector<PodTerm>& terms, const Pod& target, const Node& node,
                       int by) {
    for (const PodTerm& term : terms) {
      const Symbol* value = node.labels.Find(term.topology);
      if (value == nullptr || !Means(term, target, cluster)) continue;
      const int weight = term.weight == 0 ? kRequiredWeight : term.weight;
      DomainsOf(marks_of, term.topology).At(*value) += by * weight;
    }
  };
  for (const Node* node : cluster.nodes()) {
    for (const PodRef& other : all ? node->pods : node->with_rules) {
      add(pod.pods.preferred, *other, *node, 1);
      add(pod.pods.preferred_anti, *other, *node, -1);
      add(other->pods.required, pod, *node, 1);
      add(other->pods.preferred, pod, *node, 1);
      add(other->pods.preferred_anti, pod, *node, -1);
    }
  }
  if (marks_of.empty()) return {};
  std::vector<int64_t> marks(nodes.size());
  int64_t lowest = std::numeric_limits<int64_t>::max();
  int64_t highest = std::numeric_limits<int64_t>::min();
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& [topology, domains] : marks_of) {
      const Symbol* value = nodes[i]->labels.Find(topology);
      if (value != nullptr) marks[i] += domains.Get(*value);
    }
    lowest = std::min(lowest, marks[i]);
    highest = std::max(highest, marks[i]);
  }
  for (int64_t& mark : marks) {
    mark = highest == lowest
               ? 0
               : static_cast<int64_t>(100.0 * (static_cast<double>(mark - lowest) /
                                               static_cast<double>(highest - lowest)));
  }
  return marks;
}

}  // namespace keelson::scheduler::decide
