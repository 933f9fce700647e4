// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/cycle.h"

#include <algorithm>

#include "minimal-master/scheduler/decide/node_filters.h"

namespace keelson::scheduler::decide {
namespace {

using model::Node;
using model::Pod;
using model::Symbol;

// Nodes that every term names, when every term does.
std::optional<std::vector<Symbol>> NamedNodes(const model::NodeRules& rules) {
  if (rules.terms.empty()) return std::nullopt;
  std::vector<Symbol> out;
  for (const model::NodeTerm& term : rules.terms) {
    std::optional<std::vector<Symbol>> names;
    for (const model::Requirement& requirement : term.name) {
      if (requirement.op != model::Requirement::Op::kIn) continue;
      if (!names) {
        names = requirement.values;
        continue;
      }
      std::erase_if(*names, [&](Symbol name) { return !requirement.Matches(&name); });
    }
    if (!names) return std::nullopt;
    out.insert(out.end(), names->begin(), names->end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

Cycle::Cycle(const Pod& pod, const model::Cluster& cluster, const model::Taint& unschedulable_taint)
    : pod_(pod),
      cluster_(cluster),
      unschedulable_taint_(unschedulable_taint),
      volumes_(pod, cluster),
      spread_(pod, cluster),
      affinity_(pod, cluster),
      named_(NamedNodes(pod.nodes)) {
  if (named_ && named_->empty()) {
    problem_ = "pod affinity terms conflict";
    problem_why_ = kConflict;
  } else if (!volumes_.problem().empty()) {
    problem_ = volumes_.problem();
    problem_why_ = kClaims;
  }
}

Verdict Cycle::Check(const Node& node) const {
  Verdict verdict = NodeUnschedulable(pod_, node, unschedulable_taint_);
  if (!verdict.ok()) return verdict;
  verdict = NodeName(pod_, node);
  if (!verdict.ok()) return verdict;
  verdict = TaintToleration(pod_, node);
  if (!verdict.ok()) return verdict;
  verdict = NodeAffinity(pod_, node);
  if (!verdict.ok()) return verdict;
  verdict = NodePorts(pod_, node);
  if (!verdict.ok()) return verdict;
  verdict = ResourcesFit(pod_, node);
  if (!verdict.ok()) return verdict;
  verdict = volumes_.Check(node);
  if (!verdict.ok()) return verdict;
  verdict = spread_.Check(node);
  if (!verdict.ok()) return verdict;
  return affinity_.Check(node);
}

Verdict Cycle::CheckWithNominated(const Node& node) {
  const std::vector<model::PodRef>* nominated = cluster_.NominatedTo(node.name);
  if (nominated == nullptr) return Check(node);
  Node with = node;
  std::vector<model::PodRef> added;
  for (const model::PodRef& other : *nominated) {
    if (other->priority < pod_.priority || other->uid == pod_.uid) continue;
    with.Add(other);
    Update(*other, node, 1);
    added.push_back(other);
  }
  if (added.empty()) return Check(node);
  Verdict verdict = Check(with);
  for (const model::PodRef& other : added) Update(*other, node, -1);
  // They may come or not: it has to be right both ways.
  return verdict.ok() ? Check(node) : verdict;
}

void Cycle::Update(const Pod& other, const Node& node, int by) {
  spread_.Update(other, node, by);
  affinity_.Update(other, node, by);
}

}  // namespace keelson::scheduler::decide
