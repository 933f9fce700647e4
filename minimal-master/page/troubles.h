// SPDX-License-Identifier: Apache-2.0
// What is wrong with one object, by kind. Pure, any thread. For this folder alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/page/findings.h"

namespace keelson::page {

// The newest by "Kind/namespace/name".
using Warnings = std::map<std::string, const Event*>;

// Lower is worse.
enum Rank {
  kRankNode,
  kRankUnschedulable,
  kRankImage,
  kRankConfig,
  kRankCrash,
  kRankStuck,
  kRankStart,
  kRankPressure,
  kRankService,
  kRankJob,
  kRankNotReady,
  kRankWorkload,
  kRankClaim,
  kRankEnd,
  kRankMemory,
  kRankFailed,
  kRankCordon,
};

constexpr int64_t kWhile = 60;         // seconds that starting and ending may take
constexpr int64_t kServiceWhile = 10;  // between a Service and its endpoints
constexpr int64_t kRecently = 600;

bool IsReady(const Node& node);
std::vector<Finding> NodeTroubles(const Node& node, int64_t now);
// The one that explains it best.
std::optional<Finding> PodTrouble(const Pod& pod, const Warnings& warnings, int64_t now);
// `explained`: there are findings of its pods.
std::optional<Finding> WorkloadTrouble(const Workload& workload, bool explained, int64_t now);
std::optional<Finding> ServiceTrouble(const Service& service, const Slice& endpoints, int64_t now);
std::optional<Finding> ClaimTrouble(const Claim& claim, const Warnings& warnings, int64_t now);
std::optional<Finding> NamespaceTrouble(const Namespace& ns, int64_t now);

}  // namespace keelson::page
