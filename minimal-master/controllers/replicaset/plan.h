// SPDX-License-Identifier: Apache-2.0
// What becomes of the pods of a ReplicaSet or ReplicationController: which it has, how many are
// missing, which go, and what its status says. Pure, any thread. Source: observed behaviour of
// kube-controller-manager 1.35.
#pragma once

#include <chrono>
#include <optional>

#include "minimal-master/controllers/pods/claim.h"

namespace keelson::replicaset {

// What the two kinds differ in.
struct Kind {
  std::string_view api_version;
  std::string_view kind;
  std::string_view group;
  std::string_view resource;
  std::string_view controller;  // as upstream calls it
  bool is_set;                  // a ReplicaSet: its selector has expressions, it counts what ends
};
extern const Kind kReplicaSet;
extern const Kind kReplicationController;

struct Facts {
  const Kind& kind;
  const json::Value& object;
  std::vector<pods::PodPtr> owned;
  std::vector<pods::PodPtr> orphans;  // of its namespace
};

struct Plan {
  std::vector<control::Write> claims;
  std::vector<pods::PodPtr> active;  // its pods, once the claims are written
  size_t ending = 0;
  size_t create = 0;  // at most 500 in one go, likewise of those that go
  size_t remove = 0;
};
Plan MakePlan(const Facts& facts);

// Those that are best deleted first, `count` of them. `related`: pods of the sets of the same
// owner, which make a node crowded.
std::vector<pods::PodPtr> ChooseVictims(std::vector<pods::PodPtr> pods,
                                        const std::vector<pods::PodPtr>& related, size_t count,
                                        int64_t now);

struct StatusPlan {
  std::optional<control::Write> write;  // nothing: it says so already
  std::optional<std::chrono::milliseconds> again;
};
// `failure`: what creating or deleting came to, if it failed.
StatusPlan PlanStatus(const Facts& facts, const Plan& plan,
                      const std::optional<std::string>& failure, int64_t now);

watch::selectors::LabelSelector SelectorOf(const Kind& kind, const json::Value& object);

}  // namespace keelson::replicaset
