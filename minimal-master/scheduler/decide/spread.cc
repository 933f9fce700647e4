// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/spread.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;
using model::Spread;
using model::Symbol;

bool Counts(const Spread& spread, const Pod& pod, const Node& node) {
  if (spread.honors_affinity && !pod.nodes.Matches(node.labels, node.name)) return false;
  return !spread.honors_taints || pod.Untolerated(node.taints) == nullptr;
}

int64_t CountPods(const Node& node, const model::Selector& selector, Symbol ns) {
  if (selector.empty()) return 0;  // upstream counts nobody for a selector of everybody
  int64_t count = 0;
  for (const model::PodRef& other : node.pods) {
    if (other->ns == ns && !other->terminating && selector.Matches(other->labels)) ++count;
  }
  return count;
}

bool HasAll(const Node& node, const std::vector<const Spread*>& spreads) {
  return std::all_of(spreads.begin(), spreads.end(), [&](const Spread* spread) {
    return node.labels.Find(spread->topology) != nullptr;
  });
}

}  // namespace

SpreadFilter::SpreadFilter(const Pod& pod, const model::Cluster& cluster) : pod_(pod) {
  std::vector<const Spread*> hard;
  for (const Spread& spread : pod.spreads) {
    if (!spread.hard) continue;
    hard.push_back(&spread);
    rules_.push_back({&spread, spread.selector.Matches(pod.labels), {}});
  }
  if (rules_.empty()) return;
  for (const Node* node : cluster.nodes()) {
    if (!HasAll(*node, hard)) continue;
    for (Rule& rule : rules_) {
      if (!Counts(*rule.spread, pod, *node)) continue;
      rule.counts.At(*node->labels.Find(rule.spread->topology)) +=
          CountPods(*node, rule.spread->selector, pod.ns);
    }
  }
}

Verdict SpreadFilter::Check(const Node& node) const {
  for (const Rule& rule : rules_) {
    const Symbol* value = node.labels.Find(rule.spread->topology);
    if (value == nullptr) return Verdict::Never(kSpreadLabel);
    if (rule.lowest_is_old) {
      rule.lowest = rule.counts.Lowest(std::numeric_limits<int32_t>::max());
      rule.lowest_is_old = false;
    }
    const bool few = static_cast<int64_t>(rule.counts.size()) < rule.spread->min_domains;
    const int64_t lowest = few ? 0 : rule.lowest;
    if (rule.counts.Get(*value) + (rule.self ? 1 : 0) - lowest > rule.spread->max_skew)
      return Verdict::Not(kSpread);
  }
  return {};
}

void SpreadFilter::Update(const Pod& other, const Node& node, int by) {
  if (rules_.empty() || other.ns != pod_.ns || other.terminating) return;
  for (const Rule& rule : rules_) {
    if (node.labels.Find(rule.spread->topology) == nullptr) return;
  }
  for (Rule& rule : rules_) {
    if (rule.spread->selector.empty() || !rule.spread->selector.Matches(other.labels)) continue;
    if (!Counts(*rule.spread, pod_, node)) continue;
    rule.counts.At(*node.labels.Find(rule.spread->topology)) += by;
    rule.lowest_is_old = true;
  }
}

std::vector<int64_t> ScoreSpread(const Pod& pod, const model::Cluster& cluster,
                                 const std::vector<const Node*>& nodes, Symbol hostname,
                                 Symbol zone) {
  std::vector<const Spread*> soft;
  std::vector<Spread> defaults;
  for (const Spread& spread : pod.spreads) {
    if (!spread.hard) soft.push_back(&spread);
  }
  // Whoever asks for nothing is spread over nodes, and weaker over zones.
  const bool all_labels = !pod.spreads.empty();
  if (pod.spreads.empty()) {
    const model::Selector selector = cluster.SelectorFor(pod);
    if (selector.empty()) return {};
    for (const auto& [key, skew] : {std::pair{hostname, 3}, std::pair{zone, 5}}) {
      defaults.push_back({.topology = key, .max_skew = skew, .selector = selector, .hard = false});
    }
    for (const Spread& spread : defaults) soft.push_back(&spread);
  }
  if (soft.empty()) return {};

  struct Rule {
    const Spread* spread;
    bool by_node;  // counted node by node
    Domains counts;
    double weight = 0;
  };
  std::vector<Rule> rules;
  for (const Spread* spread : soft) rules.push_back({spread, spread->topology == hostname, {}});
  std::vector<bool> ignored(nodes.size());
  size_t left_out = 0;
  bool any_zone = false;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (all_labels && !HasAll(*nodes[i], soft)) {
      ignored[i] = true;
      ++left_out;
      continue;
    }
    for (Rule& rule : rules) {
      if (rule.by_node) continue;
      const Symbol* value = nodes[i]->labels.Find(rule.spread->topology);
      rule.counts.At(value == nullptr ? model::kEmpty : *value);
      any_zone = any_zone || value != nullptr;
    }
  }
  for (Rule& rule : rules) {
    const size_t size = rule.by_node ? nodes.size() - left_out : rule.counts.size();
    rule.weight = std::log(static_cast<double>(size + 2));
  }
  for (const Node* node : cluster.nodes()) {
    if (!any_zone || (all_labels && !HasAll(*node, soft))) continue;
    for (Rule& rule : rules) {
      if (rule.by_node) continue;
      const Symbol* value = node->labels.Find(rule.spread->topology);
      if (value == nullptr || rule.counts.Find(*value) == nullptr) continue;
      if (!Counts(*rule.spread, pod, *node)) continue;
      rule.counts.At(*value) += CountPods(*node, rule.spread->selector, pod.ns);
    }
  }

  std::vector<int64_t> marks(nodes.size());
  int64_t lowest = std::numeric_limits<int64_t>::max();
  int64_t highest = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (ignored[i]) continue;
    double mark = 0;
    for (const Rule& rule : rules) {
      const Symbol* value = nodes[i]->labels.Find(rule.spread->topology);
      if (value == nullptr) continue;
      const int64_t count = rule.by_node ? CountPods(*nodes[i], rule.spread->selector, pod.ns)
                                         : rule.counts.Get(*value);
      mark += static_cast<double>(count) * rule.weight + rule.spread->max_skew - 1;
    }
    marks[i] = std::llround(mark);
    lowest = std::min(lowest, marks[i]);
    highest = std::max(highest, marks[i]);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    marks[i] = ignored[i] ? 0 : highest == 0 ? 100 : 100 * (highest + lowest - marks[i]) / highest;
  }
  return marks;
}

}  // namespace keelson::scheduler::decide
