// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/troubles.h"

#include <fmt/format.h>

namespace keelson::page {
namespace {

Finding Of(std::string_view kind, const std::string& ns, const std::string& name, Level level,
           Rank rank, std::string says, std::string detail, int64_t since) {
  Finding out;
  out.level = level;
  out.kind = kind;
  out.ns = ns;
  out.name = name;
  out.says = std::move(says);
  out.detail = std::move(detail);
  out.since = since;
  out.rank = rank;
  return out;
}

const NodeCondition* ConditionOf(const Node& node, std::string_view type) {
  for (const NodeCondition& condition : node.conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

std::string WarningOf(const Warnings& warnings, std::string_view kind, const std::string& ns,
                      const std::string& name) {
  const auto found = warnings.find(fmt::format("{}/{}/{}", kind, ns, name));
  if (found == warnings.end()) return "";
  return found->second->reason.empty()
             ? found->second->message
             : fmt::format("{}: {}", found->second->reason, found->second->message);
}

}  // namespace

bool IsReady(const Node& node) {
  const NodeCondition* ready = ConditionOf(node, "Ready");
  return ready != nullptr && ready->status == "True";
}

std::vector<Finding> NodeTroubles(const Node& node, int64_t now) {
  std::vector<Finding> out;
  const auto add = [&](Level level, Rank rank, std::string says, std::string detail,
                       int64_t since) {
    out.push_back(
        Of("Node", "", node.name, level, rank, std::move(says), std::move(detail), since));
  };
  const NodeCondition* ready = ConditionOf(node, "Ready");
  if (ready == nullptr) {
    if (now - node.created >= kWhile)
      add(Level::kBroken, kRankNode, "has never said that it is ready", "", node.created);
  } else if (ready->status == "Unknown") {
    add(Level::kBroken, kRankNode, "does not answer", ready->message, ready->since);
  } else if (ready->status != "True") {
    add(Level::kBroken, kRankNode, "is not ready", ready->message, ready->since);
  }
  for (const NodeCondition& condition : node.conditions) {
    if (condition.status != "True") continue;
    if (condition.type == "MemoryPressure")
      add(Level::kWarning, kRankPressure, "is short of memory", condition.message, condition.since);
    if (condition.type == "DiskPressure")
      add(Level::kWarning, kRankPressure, "is short of disk space", condition.message,
          condition.since);
    if (condition.type == "PIDPressure")
      add(Level::kWarning, kRankPressure, "is short of process numbers", condition.message,
          condition.since);
    if (condition.type == "NetworkUnavailable")
      add(Level::kBroken, kRankNode, "has no network for pods", condition.message, condition.since);
  }
  if (node.cordoned)
    add(Level::kNote, kRankCordon, "takes no new pods", "cordoned: `kubectl uncordon` ends that",
        0);
  return out;
}

std::optional<Finding> WorkloadTrouble(const Workload& one, bool explained, int64_t now) {
  if (one.kind == "Job") {
    if (one.stuck.empty() || one.done) return std::nullopt;
    return Of("Job", one.ns, one.name, Level::kBroken, kRankJob, "failed",
              fmt::format("{}: {}", one.stuck, one.stuck_message), one.stuck_since);
  }
  // Pods that cannot even be made have no findings of their own. Behind the others a rollout that
  // stands still is said too: it is what somebody waits for.
  if (!one.stuck.empty()) {
    const bool makes_none = one.stuck != "ProgressDeadlineExceeded";
    // What a ReplicaSet cannot do its Deployment tells.
    if (one.owner_kind == "Deployment") return std::nullopt;
    return Of(one.kind, one.ns, one.name, Level::kBroken, kRankStuck,
              makes_none ? "its pods cannot be made" : "its rollout does not go on",
              one.stuck_message, one.stuck_since);
  }
  if (explained || one.ready >= one.wanted || one.unavailable_since == 0 ||
      now - one.unavailable_since < kWhile)
    return std::nullopt;
  return Of(one.kind, one.ns, one.name, Level::kWarning, kRankWorkload,
            fmt::format("has {} of {} pods ready", one.ready, one.wanted), one.unavailable_message,
            one.unavailable_since);
}

std::optional<Finding> ServiceTrouble(const Service& service, const Slice& endpoints, int64_t now) {
  if (!service.selects || service.type == "ExternalName" || endpoints.ready > 0 ||
      now - service.created < kServiceWhile)
    return std::nullopt;
  return Of("Service", service.ns, service.name, Level::kWarning, kRankService,
            "has no endpoint: who asks it is refused",
            endpoints.unready > 0
                ? fmt::format("{} of its pods are there, none of them ready", endpoints.unready)
                : "its selector matches no pod that has an address",
            0);
}

std::optional<Finding> ClaimTrouble(const Claim& claim, const Warnings& warnings, int64_t now) {
  if (claim.phase == "Bound" || now - claim.created < kWhile) return std::nullopt;
  const bool lost = claim.phase == "Lost";
  return Of("PersistentVolumeClaim", claim.ns, claim.name, Level::kWarning, kRankClaim,
            lost ? "has lost its volume" : "waits for a volume",
            WarningOf(warnings, "PersistentVolumeClaim", claim.ns, claim.name), claim.created);
}

std::optional<Finding> NamespaceTrouble(const Namespace& ns, int64_t now) {
  if (ns.deleted == 0 || now - ns.deleted < kWhile) return std::nullopt;
  return Of("Namespace", "", ns.name, Level::kWarning, kRankEnd,
            "is being deleted and does not end", ns.message, ns.deleted);
}

}  // namespace keelson::page
