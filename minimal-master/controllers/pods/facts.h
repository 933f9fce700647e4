// SPDX-License-Identifier: Apache-2.0
// What controllers look at in a pod, read from its JSON once for a revision (index.h keeps it).
// Plain data, immutable, shared; any thread. Times are nanoseconds since the epoch, 0: not set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/watch/object.h"

namespace keelson::pods {

// In the order in which upstream prefers to delete them.
enum class Phase : uint8_t { kPending, kUnknown, kRunning, kSucceeded, kFailed };

struct NamedPort {
  std::string name;
  std::string protocol;
  int32_t port = 0;
};

struct PodFacts {
  watch::ObjectPtr object;  // ns(), name(), uid(), labels
  // The owner with controller: true; empty: it has none.
  std::string owner_kind;
  std::string owner_name;
  std::string owner_uid;
  Phase phase = Phase::kPending;
  bool ready = false;
  int64_t ready_since = 0;  // when `ready`
  int64_t created = 0;
  int64_t started = 0;   // status.startTime
  int64_t deletion = 0;  // metadata.deletionTimestamp
  int64_t grace_seconds = 0;
  int32_t restarts = 0;  // the most of any container
  int32_t sidecar_restarts = 0;
  int32_t all_restarts = 0;  // of all containers and init containers together
  int32_t deletion_cost = 0;
  bool host_network = false;
  std::string node;         // spec.nodeName
  std::string target_node;  // the one node that its required affinity names by metadata.name
  std::string hostname;
  std::string subdomain;
  std::string reason;  // status.reason
  std::vector<std::string> ips;
  std::vector<std::string> finalizers;
  std::vector<NamedPort> ports;  // of containers and init containers that stay, those with a name

  std::string_view ns() const { return object->ns(); }
  std::string_view name() const { return object->name(); }
  std::string_view uid() const { return object->uid(); }
  std::string_view Label(std::string_view key) const {
    const std::string_view* value = object->FindLabel(key);
    return value == nullptr ? std::string_view() : *value;
  }
  bool being_deleted() const { return deletion != 0; }
  bool ended() const { return phase == Phase::kSucceeded || phase == Phase::kFailed; }
  bool active() const { return !ended() && !being_deleted(); }
  bool HasFinalizer(std::string_view name) const;
};
using PodPtr = std::shared_ptr<const PodFacts>;

PodPtr ReadPod(const watch::ObjectPtr& object);
PodPtr ReadPod(const watch::ObjectPtr& object, const json::Value& value);

// Ready, and for `min_ready_seconds` at least.
bool IsAvailable(const PodFacts& pod, int64_t min_ready_seconds, int64_t now);
// When a ready pod becomes available, at the earliest of these; 0: none is waited for.
int64_t NextAvailable(const std::vector<PodPtr>& pods, int64_t min_ready_seconds, int64_t now);

// Of a status: the condition of this type, or null.
const json::Value* FindCondition(const json::Value& status, std::string_view type);
// Nothing for what is no number.
std::optional<int64_t> MaybeInt(const json::Value& value);
// 0 for what is no time.
int64_t ParseTime(const json::Value& text);

}  // namespace keelson::pods
