// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/preempt.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;
using model::PodRef;

struct Candidate {
  const Node* node = nullptr;
  std::vector<PodRef> victims;  // the most important first
  int64_t violations = 0;
};

int64_t StartOf(const Pod& pod, int64_t now) { return pod.started == 0 ? now : pod.started; }

bool MoreImportant(const Pod& a, const Pod& b, int64_t now) {
  if (a.priority != b.priority) return a.priority > b.priority;
  return StartOf(a, now) < StartOf(b, now);
}

// Those whose end some budget does not allow any more, in the order in which they are asked.
std::vector<bool> Violations(const std::vector<PodRef>& pods, const model::Cluster& cluster) {
  std::vector<int64_t> allowed;
  for (const auto& [key, budget] : cluster.budgets()) allowed.push_back(budget.allowed);
  std::vector<bool> out(pods.size());
  for (size_t i = 0; i < pods.size(); ++i) {
    if (pods[i]->labels.empty()) continue;
    size_t index = 0;
    for (const auto& [key, budget] : cluster.budgets()) {
      int64_t& left = allowed[index++];
      if (budget.ns != pods[i]->ns || budget.selector.empty() ||
          !budget.selector.Matches(pods[i]->labels))
        continue;
      if (std::find(budget.disrupted.begin(), budget.disrupted.end(), pods[i]->name) !=
          budget.disrupted.end())
        continue;
      if (--left < 0) out[i] = true;
    }
  }
  return out;
}

// The fewest pods that must go from here; why not otherwise.
Verdict Select(const model::Cluster& cluster, const Pod& pod, const Node& node, Cycle& cycle,
               int64_t now, Candidate& out) {
  Node trial = node;
  std::vector<PodRef> removed;  // those not on `trial` at the moment
  const auto remove = [&](const PodRef& victim) {
    trial.Remove(victim);
    cycle.Update(*victim, node, -1);
    removed.push_back(victim);
  };
  std::vector<PodRef> possible;
  for (const PodRef& other : node.pods) {
    if (other->priority < pod.priority) possible.push_back(other);
  }
  if (possible.empty()) return Verdict::Never(kNoVictims);
  for (const PodRef& victim : possible) remove(victim);
  Verdict verdict = cycle.CheckWithNominated(trial);
  if (verdict.ok()) {
    std::stable_sort(possible.begin(), possible.end(),
                     [&](const PodRef& a, const PodRef& b) { return MoreImportant(*a, *b, now); });
    const std::vector<bool> violating = Violations(possible, cluster);
    // Whoever may stay stays: first those whose budget is used up, then the important ones.
    for (const bool violates : {true, false}) {
      for (size_t i = 0; i < possible.size(); ++i) {
        if (violating[i] != violates) continue;
        const PodRef& victim = possible[i];
        trial.Add(victim);
        cycle.Update(*victim, node, 1);
        removed.erase(std::find(removed.begin(), removed.end(), victim));
        if (cycle.CheckWithNominated(trial).ok()) continue;
        remove(victim);
        out.victims.push_back(victim);
        if (violates) ++out.violations;
      }
    }
    std::stable_sort(out.victims.begin(), out.victims.end(),
                     [&](const PodRef& a, const PodRef& b) { return MoreImportant(*a, *b, now); });
    out.node = &node;
  }
  for (const PodRef& victim : removed) cycle.Update(*victim, node, 1);
  return verdict;
}

// Better is less: violated budgets, the most important victim, importance in all, number, and then
// whose most important victim started last.
auto CostOf(const Candidate& candidate, int64_t now) {
  int64_t sum = 0;
  int64_t earliest = std::numeric_limits<int64_t>::max();
  const int32_t highest = candidate.victims[0]->priority;
  for (const PodRef& victim : candidate.victims) {
    sum += int64_t{victim->priority} + std::numeric_limits<int32_t>::max() + 1;
    if (victim->priority == highest) earliest = std::min(earliest, StartOf(*victim, now));
  }
  return std::tuple(candidate.violations, highest, sum, candidate.victims.size(), -earliest);
}

bool IsLeavingForIt(const model::Cluster& cluster, const Pod& pod, model::Symbol node_name) {
  const Node* node = cluster.Find(node_name);
  return node != nullptr &&
         std::any_of(node->pods.begin(), node->pods.end(), [&](const PodRef& other) {
           return other->priority < pod.priority && other->terminating && other->preempted;
         });
}

}  // namespace

Preemption Preempt(const model::Cluster& cluster, const Pod& pod, const Decision& decision,
                   Cycle& cycle, const Random& random, int64_t now) {
  Preemption out;
  // Upstream asks its plugin for device claims first, which says so when a pod has none; it is not
  // asked about a pod that no node was tried for.
  const std::string before =
      decision.problem.empty() ? "no new claims to deallocate, preemption: " : "preemption: ";
  if (!pod.may_preempt) {
    out.message = before + "not eligible due to preemptionPolicy=Never.";
    return out;
  }
  const model::Symbol nominated = cluster.NominationOf(pod);
  if (nominated != model::kEmpty) {
    const auto verdict =
        std::find_if(decision.verdicts.begin(), decision.verdicts.end(),
                     [&](const auto& one) { return one.first->name == nominated; });
    const bool hopeless =
        verdict == decision.verdicts.end() ? decision.others.hopeless : verdict->second.hopeless;
    if (!hopeless && IsLeavingForIt(cluster, pod, nominated)) {
      out.message = before + "not eligible due to a terminating pod on the nominated node.";
      return out;
    }
  }
  std::vector<const Node*> possible;
  for (const auto& [node, verdict] : decision.verdicts) {
    if (!verdict.hopeless) possible.push_back(node);
  }
  std::vector<Candidate> candidates;
  std::vector<Verdict> refusals;
  const size_t enough = std::min(possible.size(), std::max(possible.size() / 10, size_t{100}));
  const size_t start = possible.empty() ? 0 : random(static_cast<uint32_t>(possible.size()));
  size_t harmless = 0;
  for (size_t i = 0; i < possible.size(); ++i) {
    Candidate candidate;
    Verdict verdict =
        Select(cluster, pod, *possible[(start + i) % possible.size()], cycle, now, candidate);
    if (!verdict.ok() || candidate.victims.empty()) {
      refusals.push_back(std::move(verdict));
      continue;
    }
    if (candidate.violations == 0) ++harmless;
    candidates.push_back(std::move(candidate));
    if (harmless > 0 && candidates.size() >= enough) break;
  }
  if (candidates.empty()) {
    Tally tally(cluster.symbols());
    for (const Verdict& verdict : refusals) tally.Add(verdict);
    tally.Add(Verdict::Never(kNoHelp), decision.all_nodes - refusals.size());
    out.message = before + NoneOf(decision.all_nodes, tally.Text());
    out.forget_nomination = true;
    return out;
  }
  const auto best = std::min_element(
      candidates.begin(), candidates.end(),
      [&](const Candidate& a, const Candidate& b) { return CostOf(a, now) < CostOf(b, now); });
  out.node = best->node->name;
  out.victims = best->victims;
  return out;
}

}  // namespace keelson::scheduler::decide
