// SPDX-License-Identifier: Apache-2.0
// What the page knows of each object: a few fields read once when it changes, so that showing ten
// thousand pods reads no JSON. Never anything of a Secret, a ConfigMap or a variable. Plain data
// and pure readers of it; any thread. Times are seconds since 1970, 0: not told.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/json/value.h"

namespace keelson::page {

struct Container {
  std::string name;
  std::string image;
  std::string state;  // "waiting", "running", "ended"
  std::string reason, message;
  int64_t restarts = 0;
  int64_t exit_code = 0;  // of the run that ended last
  std::string last_reason;
  int64_t last_ended = 0;
  bool init = false;
};

struct Pod {
  int64_t revision = 0;
  std::string ns, name, node, phase, reason, message;
  std::string word;  // as kubectl shows its state
  std::string owner_kind, owner_name;
  std::vector<Container> containers;
  int64_t ready = 0, total = 0, restarts = 0;
  int64_t cpu_millis = 0, memory_bytes = 0;  // asked for
  int64_t created = 0;
  int64_t ends_by = 0;  // of what is being deleted
  std::string scheduled, scheduled_reason, scheduled_message;
  int64_t scheduled_since = 0;
  bool is_ready = false;
  std::string ready_message;
  int64_t ready_since = 0;
};

struct NodeCondition {
  std::string type, status, reason, message;
  int64_t since = 0;
};
struct Node {
  int64_t revision = 0;
  std::string name, address, version, kernel, system;
  std::vector<NodeCondition> conditions;
  bool cordoned = false;
  int64_t created = 0;
  int64_t cpu_millis = 0, memory_bytes = 0, pods = 0;  // that pods may have
};

struct Workload {
  int64_t revision = 0;
  std::string kind, ns, name;
  std::string owner_kind, owner_name;
  std::string images;
  int64_t wanted = 0, ready = 0, updated = 0, available = 0, failed = 0;
  int64_t created = 0;
  bool done = false;                               // a Job that has completed
  std::string stuck, stuck_message;                // what its controller says is wrong
  std::string unavailable_message;                 // Available is False
  int64_t stuck_since = 0, unavailable_since = 0;  // 0: it is not so
};

struct Service {
  int64_t revision = 0;
  std::string ns, name, type, address, ports;
  bool selects = false;
  int64_t created = 0;
};
struct Slice {
  int64_t revision = 0;
  std::string ns, service;
  int64_t ready = 0, unready = 0;
};

struct Claim {
  int64_t revision = 0;
  std::string ns, name, phase;
  int64_t created = 0;
};
struct Namespace {
  int64_t revision = 0;
  std::string name, message;
  int64_t deleted = 0;
};

struct Event {
  int64_t revision = 0;
  std::string ns, kind, name, type, reason, message;
  int64_t count = 1;
  int64_t at = 0;
};

// By key in the store, which sorts them by namespace and name.
struct World {
  std::map<std::string, Node> nodes;
  std::map<std::string, Pod> pods;
  std::map<std::string, Workload> workloads;
  std::map<std::string, Service> services;
  std::map<std::string, Slice> slices;
  std::map<std::string, Claim> claims;
  std::map<std::string, Namespace> namespaces;
  std::map<std::string, Event> events;  // the newest ones
};

Node NodeOf(const json::Value& object);
Pod PodOf(const json::Value& object);
Workload WorkloadOf(const json::Value& object, std::string_view kind);
Service ServiceOf(const json::Value& object);
Slice SliceOf(const json::Value& object);
Claim ClaimOf(const json::Value& object);
Namespace NamespaceOf(const json::Value& object);
Event EventOf(const json::Value& object);

}  // namespace keelson::page
