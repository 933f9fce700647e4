// SPDX-License-Identifier: Apache-2.0
// A Deployment's status: what is counted, and the conditions that tell of availability, progress
// and failures in upstream's words. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/deployment/facts.h"

namespace keelson::deployment {

struct Status {
  int64_t observed = 0;
  int64_t replicas = 0;
  int64_t updated = 0;
  int64_t ready = 0;
  int64_t available = 0;
  int64_t unavailable = 0;
  std::optional<int64_t> ending;
  std::optional<int64_t> collisions;
  std::vector<json::Value> conditions;
  bool operator==(const Status&) const = default;
};
Status ReadStatus(const json::Value& deployment);
json::Value ToJson(const Status& status);

// Null: there is none.
const json::Value* Find(const Status& status, std::string_view type);
std::string ReasonOf(const Status& status, std::string_view type);
void Remove(Status& status, std::string_view type);
// Nothing changes when it has this status and reason already.
void SetCondition(Status& status, std::string_view type, std::string_view value,
                  std::string_view reason, std::string_view message, int64_t now);

// `before`, with what the sets come to and whether that is enough.
Status Count(const json::Value& deployment, const Status& before, const std::vector<Set*>& all,
             const Set* new_set, int64_t now);
bool IsComplete(const json::Value& deployment, const Status& status);
// Adds to `status` how the rollout goes on since `before`. `new_set`: null, there is none yet.
void JudgeProgress(const json::Value& deployment, const Status& before,
                   const std::vector<Set*>& all, const Set* new_set, int64_t now, Status& status);
// When it must be looked at for its deadline, in milliseconds from now.
std::optional<int64_t> NextCheck(const json::Value& deployment, const Status& status, int64_t now);

}  // namespace keelson::deployment
