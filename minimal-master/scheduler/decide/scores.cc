// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/scores.h"

#include <algorithm>
#include <cmath>

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;

constexpr int64_t kSmallImages = 23LL * 1024 * 1024;
constexpr int64_t kLargeImage = 1000LL * 1024 * 1024;

int64_t Left(int64_t used, int64_t all) { return used > all ? 0 : (all - used) * 100 / all; }

}  // namespace

void Normalize(std::vector<int64_t>& marks, bool reverse) {
  const int64_t highest = marks.empty() ? 0 : *std::max_element(marks.begin(), marks.end());
  for (int64_t& mark : marks) {
    if (highest == 0) {
      mark = reverse ? 100 : mark;
      continue;
    }
    mark = 100 * mark / highest;
    if (reverse) mark = 100 - mark;
  }
}

std::vector<int64_t> ScoreTaints(const Pod& pod, const Nodes& nodes) {
  std::vector<int64_t> marks(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const model::Taint& taint : nodes[i]->taints) {
      if (taint.effect == model::Effect::kPreferNoSchedule && !pod.Tolerates(taint)) ++marks[i];
    }
  }
  Normalize(marks, true);
  return marks;
}

std::vector<int64_t> ScoreNodeAffinity(const Pod& pod, const Nodes& nodes) {
  if (pod.nodes.preferred.empty()) return {};
  std::vector<int64_t> marks(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const model::NodeTerm& term : pod.nodes.preferred) {
      if (term.Matches(nodes[i]->labels, nodes[i]->name)) marks[i] += term.weight;
    }
  }
  Normalize(marks, false);
  return marks;
}

std::vector<int64_t> ScoreImages(const Pod& pod, const model::Cluster& cluster,
                                 const Nodes& nodes) {
  struct Wanted {
    model::Symbol name;
    double spread;  // the share of nodes that have it: an image that all have draws nobody
  };
  std::vector<Wanted> wanted;
  for (const model::Symbol image : pod.images) {
    if (const int count = cluster.NodesWithImage(image); count > 0)
      wanted.push_back(
          {image, static_cast<double>(count) / static_cast<double>(cluster.nodes().size())});
  }
  if (wanted.empty()) return {};
  const int64_t most = kLargeImage * static_cast<int64_t>(pod.images.size());
  std::vector<int64_t> marks(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    int64_t sum = 0;
    for (const Wanted& one : wanted) {
      const auto& images = nodes[i]->images;
      const auto at =
          std::lower_bound(images.begin(), images.end(), one.name,
                           [](const model::Image& a, model::Symbol name) { return a.name < name; });
      if (at != images.end() && at->name == one.name)
        sum += static_cast<int64_t>(static_cast<double>(at->size) * one.spread);
    }
    sum = std::clamp(sum, kSmallImages, most);
    marks[i] = 100 * (sum - kSmallImages) / (most - kSmallImages);
  }
  return marks;
}

int64_t LeastAllocated(const Pod& pod, const Node& node) {
  int64_t sum = 0;
  int64_t weights = 0;
  if (node.allocatable.cpu != 0) {
    sum += Left(node.scored_cpu + pod.requests.scored_cpu, node.allocatable.cpu);
    ++weights;
  }
  if (node.allocatable.memory != 0) {
    sum += Left(node.scored_memory + pod.requests.scored_memory, node.allocatable.memory);
    ++weights;
  }
  return weights == 0 ? 0 : sum / weights;
}

int64_t BalancedAllocation(const Pod& pod, const Node& node) {
  const auto share = [](int64_t used, int64_t all) {
    return std::min(1.0, static_cast<double>(used) / static_cast<double>(all));
  };
  if (node.allocatable.cpu == 0 || node.allocatable.memory == 0) return 100;
  const double cpu = share(node.used.cpu + pod.requests.exact.cpu, node.allocatable.cpu);
  const double memory =
      share(node.used.memory + pod.requests.exact.memory, node.allocatable.memory);
  return static_cast<int64_t>((1 - std::abs((cpu - memory) / 2)) * 100);
}

}  // namespace keelson::scheduler::decide
