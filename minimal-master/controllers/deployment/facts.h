// SPDX-License-Identifier: Apache-2.0
// A Deployment and its replica sets as a rollout looks at them. Pure, any thread. Source: apps/v1
// and observed behaviour of kube-controller-manager 1.35.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/json/value.h"

namespace keelson::deployment {

inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesired = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaximum = "deployment.kubernetes.io/max-replicas";
inline constexpr std::string_view kHashLabel = "pod-template-hash";

// A replica set; `object` is changed by a plan, the numbers are what was found and what is wanted.
struct Set {
  json::Value object;
  std::string name;
  std::string uid;
  int64_t replicas = 0;  // wanted of it
  int64_t was = 0;       // before the plan
  int64_t actual = 0;
  int64_t ready = 0;
  int64_t available = 0;
  std::optional<int64_t> ending;
  int64_t generation = 0;
  int64_t observed = 0;
  int64_t created = 0;
  bool being_deleted = false;
  bool is_new_object = false;  // to be created
  bool changed = false;        // to be written
  std::string Annotation(std::string_view key) const;
};
Set ReadSet(json::Value object);

struct Facts {
  json::Value deployment;
  std::vector<json::Value> sets;  // its own
  // By a set's uid: how many of its pods have not ended, also such that are being deleted.
  std::map<std::string, size_t> pods;
};

// How far a rolling update may go above and below what is wanted.
struct Bounds {
  int64_t surge = 0;
  int64_t unavailable = 0;
};
Bounds BoundsOf(const json::Value& deployment);

int64_t Wanted(const json::Value& deployment);
bool IsRolling(const json::Value& deployment);
// Nothing: there is none, or it never passes.
std::optional<int64_t> ProgressDeadline(const json::Value& deployment);
// But for the hash that tells sets apart.
bool SameTemplate(const json::Value& a, const json::Value& b);
// What a template is called by in names and labels, of letters and digits that make no words.
std::string HashOf(const json::Value& pod_template, const json::Value& collisions);

int64_t SumReplicas(const std::vector<Set*>& sets);
int64_t SumActual(const std::vector<Set*>& sets);
int64_t SumAvailable(const std::vector<Set*>& sets);

}  // namespace keelson::deployment
