// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "minimal-master/controllers/replicaset/plan.h"

namespace keelson::replicaset {
namespace {

using pods::PodFacts;
using pods::PodPtr;

// Ages are told apart by powers of two only.
int64_t AgeRank(int64_t time, int64_t now) {
  const int64_t age = now - time;
  return age > 0 ? static_cast<int64_t>(std::log2(static_cast<double>(age))) : -1;
}

struct Candidate {
  PodPtr pod;
  size_t rank;  // how many of the related are on its node
};

// -1: `a` goes first, 1: `b` does; the younger of two. A time that is not known is the youngest.
int CompareTimes(const PodFacts& a, int64_t a_time, const PodFacts& b, int64_t b_time,
                 int64_t now) {
  if (a_time == 0 || b_time == 0) return a_time == 0 ? -1 : 1;
  const int64_t difference = AgeRank(a_time, now) - AgeRank(b_time, now);
  if (difference != 0) return difference < 0 ? -1 : 1;
  return a.uid() < b.uid() ? -1 : 1;
}

bool GoesFirst(const Candidate& first, const Candidate& second, int64_t now) {
  const PodFacts& a = *first.pod;
  const PodFacts& b = *second.pod;
  if (a.node.empty() != b.node.empty()) return a.node.empty();
  if (a.phase != b.phase) return a.phase < b.phase;
  if (a.ready != b.ready) return !a.ready;
  if (a.deletion_cost != b.deletion_cost) return a.deletion_cost < b.deletion_cost;
  if (first.rank != second.rank) return first.rank > second.rank;
  if (a.ready && a.ready_since != b.ready_since) {
    return CompareTimes(a, a.ready_since, b, b.ready_since, now) < 0;
  }
  if (a.restarts != b.restarts) return a.restarts > b.restarts;
  if (a.sidecar_restarts != b.sidecar_restarts) return a.sidecar_restarts > b.sidecar_restarts;
  if (a.created != b.created) return CompareTimes(a, a.created, b, b.created, now) < 0;
  return a.uid() < b.uid();
}

}  // namespace

std::vector<PodPtr> ChooseVictims(std::vector<PodPtr> pods, const std::vector<PodPtr>& related,
                                  size_t count, int64_t now) {
  if (count >= pods.size()) return pods;
  std::unordered_map<std::string_view, size_t> on_node;
  for (const PodPtr& pod : related) {
    if (pod->active()) ++on_node[pod->node];
  }
  std::vector<Candidate> candidates;
  for (PodPtr& pod : pods) {
    const auto node = on_node.find(pod->node);
    candidates.push_back({std::move(pod), node == on_node.end() ? 0 : node->second});
  }
  // Not an order that std::sort may rely on (ages in powers of two are not transitive with equal
  // times), so one that takes any answer.
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](const Candidate& a, const Candidate& b) { return GoesFirst(a, b, now); });
  std::vector<PodPtr> out;
  for (size_t i = 0; i < count; ++i) out.push_back(std::move(candidates[i].pod));
  return out;
}

}  // namespace keelson::replicaset
