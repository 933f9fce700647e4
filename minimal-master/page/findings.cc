// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "minimal-master/page/troubles.h"

namespace keelson::page {

std::string_view LevelText(Level level) {
  switch (level) {
    case Level::kBroken:
      return "broken";
    case Level::kWarning:
      return "warning";
    case Level::kNote:
      return "note";
  }
  return "";
}

namespace {

struct Owner {
  std::string kind, name;
};

// A Deployment rather than its ReplicaSet, a CronJob rather than its Job.
Owner OwnerOf(const Pod& pod, const std::map<std::string, const Workload*>& workloads) {
  Owner owner{pod.owner_kind, pod.owner_name};
  const auto found = workloads.find(owner.kind + "/" + pod.ns + "/" + owner.name);
  if (found != workloads.end() && !found->second->owner_kind.empty())
    owner = {found->second->owner_kind, found->second->owner_name};
  return owner;
}

// The newest Warning about each object, for troubles that only an event explains.
Warnings WarningsOf(const World& world) {
  Warnings out;
  for (const auto& [key, event] : world.events) {
    if (event.type != "Warning") continue;
    const Event*& newest = out[event.kind + "/" + event.ns + "/" + event.name];
    if (newest == nullptr ||
        std::tie(newest->at, newest->revision) <= std::tie(event.at, event.revision))
      newest = &event;
  }
  return out;
}

void Merge(Finding& into, const Finding& other) {
  into.count += other.count;
  if (other.since != 0 && (into.since == 0 || other.since < into.since)) into.since = other.since;
  if (into.detail.empty()) into.detail = other.detail;
}

// Which workloads are explained by their pods is put into `explained`.
void AddPods(const World& world, const Warnings& warnings, int64_t now, std::vector<Finding>& out,
             std::set<std::string>& explained, std::map<const Pod*, Level>* levels) {
  std::map<std::string, const Workload*> workloads;
  for (const auto& [key, one] : world.workloads)
    workloads.emplace(one.kind + "/" + one.ns + "/" + one.name, &one);
  std::set<std::string> lost;
  for (const auto& [key, node] : world.nodes)
    if (!IsReady(node)) lost.insert(node.name);
  std::map<std::tuple<int, std::string, std::string, std::string, std::string>, Finding> groups;
  for (const auto& [key, pod] : world.pods) {
    std::optional<Finding> found = PodTrouble(pod, warnings, now);
    if (!found) {
      // Nobody knows how it is.
      if (levels != nullptr && lost.count(pod.node) != 0 && pod.phase != "Succeeded" &&
          pod.phase != "Failed")
        levels->emplace(&pod, Level::kWarning);
      continue;
    }
    if (levels != nullptr) levels->emplace(&pod, found->level);
    const Owner owner = OwnerOf(pod, workloads);
    explained.insert(owner.kind + "/" + pod.ns + "/" + owner.name);
    // A lost node says why its pods are not ready.
    if (found->rank >= kRankNotReady && lost.count(pod.node) != 0) continue;
    if (!owner.kind.empty() && owner.kind != "Node") {
      found->kind = owner.kind;
      found->name = owner.name;
    }
    auto [place, made] =
        groups.try_emplace({found->rank, found->ns, found->kind, found->name, found->says}, *found);
    if (!made) Merge(place->second, *found);
  }
  for (auto& [key, finding] : groups) {
    // Of one pod its own name says more than its owner's.
    if (finding.count == 1) {
      finding.kind = "Pod";
      finding.name = finding.pod;
    }
    out.push_back(std::move(finding));
  }
}

void AddWorkloads(const World& world, int64_t now, const std::set<std::string>& explained,
                  std::vector<Finding>& out) {
  for (const auto& [key, one] : world.workloads)
    if (auto found = WorkloadTrouble(
            one, explained.count(one.kind + "/" + one.ns + "/" + one.name) != 0, now))
      out.push_back(*std::move(found));
}

void AddServices(const World& world, int64_t now, std::vector<Finding>& out) {
  std::map<std::string, Slice> endpoints;
  for (const auto& [key, slice] : world.slices) {
    Slice& all = endpoints[slice.ns + "/" + slice.service];
    all.ready += slice.ready;
    all.unready += slice.unready;
  }
  for (const auto& [key, service] : world.services)
    if (auto found = ServiceTrouble(service, endpoints[service.ns + "/" + service.name], now))
      out.push_back(*std::move(found));
}

}  // namespace

std::vector<Finding> Findings(const World& world, int64_t now,
                              std::map<const Pod*, Level>* levels) {
  std::vector<Finding> out;
  for (const auto& [key, node] : world.nodes) {
    std::vector<Finding> of_node = NodeTroubles(node, now);
    std::move(of_node.begin(), of_node.end(), std::back_inserter(out));
  }
  const Warnings warnings = WarningsOf(world);
  std::set<std::string> explained;
  AddPods(world, warnings, now, out, explained, levels);
  AddWorkloads(world, now, explained, out);
  AddServices(world, now, out);
  for (const auto& [key, claim] : world.claims)
    if (auto found = ClaimTrouble(claim, warnings, now)) out.push_back(*std::move(found));
  for (const auto& [key, ns] : world.namespaces)
    if (auto found = NamespaceTrouble(ns, now)) out.push_back(*std::move(found));
  std::sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.level, a.rank, b.count, a.ns, a.kind, a.name, a.says) <
           std::tie(b.level, b.rank, a.count, b.ns, b.kind, b.name, b.says);
  });
  return out;
}

}  // namespace keelson::page
