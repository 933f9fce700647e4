// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/decide.h"

#include <algorithm>

#include "minimal-master/scheduler/decide/scores.h"

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;
using model::Symbol;

constexpr size_t kEnough = 100;

void AddMarks(const std::vector<int64_t>& marks, int64_t weight, std::vector<int64_t>& totals) {
  for (size_t i = 0; i < marks.size(); ++i) totals[i] += weight * marks[i];
}

}  // namespace

size_t EnoughNodes(size_t all) {
  if (all < kEnough) return all;
  const size_t percent = std::max(int64_t{5}, 50 - static_cast<int64_t>(all) / 125);
  return std::max(kEnough, all * percent / 100);
}

Symbol Decider::Best(const model::Cluster& cluster, const Pod& pod,
                     const std::vector<const Node*>& nodes, Symbol hostname, Symbol zone) {
  if (nodes.size() == 1) return nodes[0]->name;
  std::vector<int64_t> totals(nodes.size());
  const bool asks = pod.requests.exact.cpu != 0 || pod.requests.exact.memory != 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    totals[i] = LeastAllocated(pod, *nodes[i]);
    if (asks) totals[i] += BalancedAllocation(pod, *nodes[i]);
  }
  AddMarks(ScoreTaints(pod, nodes), 3, totals);
  AddMarks(ScoreNodeAffinity(pod, nodes), 2, totals);
  AddMarks(ScoreSpread(pod, cluster, nodes, hostname, zone), 2, totals);
  AddMarks(ScoreAffinity(pod, cluster, nodes), 2, totals);
  AddMarks(ScoreImages(pod, cluster, nodes), 1, totals);
  size_t best = 0;
  uint32_t ties = 1;
  for (size_t i = 1; i < nodes.size(); ++i) {
    if (totals[i] > totals[best]) {
      best = i;
      ties = 1;
    } else if (totals[i] == totals[best] && random_(++ties) == 0) {
      best = i;  // each of the best is as likely
    }
  }
  return nodes[best]->name;
}

Decision Decider::Decide(const model::Cluster& cluster, const Pod& pod, Cycle& cycle,
                         Symbol hostname, Symbol zone) {
  Decision out;
  out.all_nodes = cluster.nodes().size();
  if (out.all_nodes == 0) {
    out.why = kNoNodes;
    return out;
  }
  if (!cycle.problem().empty()) {
    out.problem = cycle.problem();
    out.why = cycle.problem_why();
    out.others = {out.why, true, {}};
    return out;
  }
  // Room was made for it there: no need to look elsewhere.
  const Symbol nominated = cluster.NominationOf(pod);
  if (nominated != model::kEmpty) {
    const Node* node = cluster.Find(nominated);
    if (node != nullptr && cycle.CheckWithNominated(*node).ok()) {
      out.node = nominated;
      return out;
    }
  }
  std::vector<const Node*> asked;
  if (cycle.named()) {
    for (const Symbol name : *cycle.named()) {
      if (const Node* node = cluster.Find(name); node != nullptr) asked.push_back(node);
    }
    out.others = Verdict::Never(kNotNamed);
    if (asked.size() < out.all_nodes) out.why |= kNotNamed;
  } else {
    asked.assign(cluster.nodes().begin(), cluster.nodes().end());
  }
  const size_t enough = EnoughNodes(asked.size());
  std::vector<const Node*> fit;
  fit.reserve(enough);
  for (size_t i = 0; i < asked.size() && fit.size() < enough; ++i) {
    const Node* node = asked[(start_ + i) % asked.size()];
    Verdict verdict = cycle.CheckWithNominated(*node);
    if (verdict.ok()) {
      fit.push_back(node);
    } else {
      out.why |= verdict.why;
      out.verdicts.emplace_back(node, std::move(verdict));
    }
  }
  start_ = (start_ + fit.size() + out.verdicts.size()) % out.all_nodes;
  if (!fit.empty()) out.node = Best(cluster, pod, fit, hostname, zone);
  return out;
}

std::string Explain(const Decision& decision, const model::Symbols& symbols,
                    const std::string& preemption) {
  if (decision.all_nodes == 0) return "no nodes available to schedule pods";
  std::string out;
  if (!decision.problem.empty()) {
    out = NoneOf(decision.all_nodes, decision.problem);
  } else {
    Tally tally(symbols);
    for (const auto& [node, verdict] : decision.verdicts) tally.Add(verdict);
    tally.Add(decision.others, decision.all_nodes - decision.verdicts.size());
    out = NoneOf(decision.all_nodes, tally.Text());
  }
  if (!preemption.empty()) out += " " + preemption;
  return out;
}

}  // namespace keelson::scheduler::decide
