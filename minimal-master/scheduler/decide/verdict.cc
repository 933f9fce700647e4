// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/decide/verdict.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::scheduler::decide {
namespace {

struct Words {
  Why why;
  const char* text;
};
constexpr Words kWords[] = {
    {kNodeUnschedulable, "node(s) were unschedulable"},
    {kNodeName, "node(s) didn't match the requested node name"},
    {kTaint, "node(s) had untolerated taint(s)"},
    {kNodeAffinity, "node(s) didn't match Pod's node affinity/selector"},
    {kPorts, "node(s) didn't have free ports for the requested pod ports"},
    {kTooManyPods, "Too many pods"},
    {kCpu, "Insufficient cpu"},
    {kMemory, "Insufficient memory"},
    {kStorage, "Insufficient ephemeral-storage"},
    {kVolumeNode, "node(s) didn't match PersistentVolume's node affinity"},
    {kVolumeGone, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"},
    {kVolumeNone, "node(s) didn't find available persistent volumes to bind"},
    {kSpread, "node(s) didn't match pod topology spread constraints"},
    {kSpreadLabel, "node(s) didn't match pod topology spread constraints (missing required label)"},
    {kPodAffinity, "node(s) didn't match pod affinity rules"},
    {kPodAntiAffinity, "node(s) didn't match pod anti-affinity rules"},
    {kExistingAntiAffinity, "node(s) didn't satisfy existing pods anti-affinity rules"},
    {kNoVictims, "No preemption victims found for incoming pod"},
    {kNotNamed, "node(s) didn't satisfy plugin(s) [NodeAffinity]"},
    {kNoHelp, "Preemption is not helpful for scheduling"},
};

}  // namespace

void Tally::Add(const Verdict& verdict, size_t times) {
  for (const Words& words : kWords) {
    if ((verdict.why & words.why) != 0) counts_[words.text] += times;
  }
  for (const model::Symbol name : verdict.short_of)
    counts_["Insufficient " + std::string(symbols_.Text(name))] += times;
}

std::string Tally::Text() const {
  std::vector<std::string> parts;
  for (const auto& [text, count] : counts_) parts.push_back(std::to_string(count) + " " + text);
  std::sort(parts.begin(), parts.end());
  return base::Join(parts, ", ");
}

std::string NoneOf(size_t nodes, const std::string& reasons) {
  std::string out = "0/" + std::to_string(nodes) + " nodes are available:";
  if (!reasons.empty()) out += " " + reasons + ".";
  return out;
}

}  // namespace keelson::scheduler::decide
