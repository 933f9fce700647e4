// SPDX-License-Identifier: Apache-2.0
// The node as an object of the API (v1 Node), its conditions and its lease: from facts to what is
// written. Pure. Reasons and messages are upstream's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/cgroup/resources.h"
#include "lib/json/value.h"

namespace keelson::node {

struct Taint {
  std::string key, value, effect;
};
// "key=value:NoSchedule,key:NoExecute"
base::Result<std::vector<Taint>> ParseTaints(const std::string& text);
// "a=b,c=d"
base::Result<std::map<std::string, std::string>> ParseLabels(const std::string& text);

struct NodeImage {
  std::vector<std::string> names;
  int64_t bytes = 0;
};

// What does not change while the kubelet runs.
struct NodeFacts {
  std::string name;
  std::vector<std::string> addresses;
  std::map<std::string, std::string> labels;  // beside those that every node has
  std::vector<Taint> taints;                  // with which it is registered
  node_cgroup::NodeCapacity capacity, allocatable;
  int kubelet_port = 10250;  // 0: nobody listens
  std::string machine_id, system_uuid, boot_id, kernel, os_image, architecture;
  std::string runtime_version;  // "keelson://1.0"
  std::string kubelet_version;
  int64_t lease_seconds = 40;  // renewed four times in it
};
// What does.
struct NodeHealth {
  std::vector<std::string> not_ready;  // why; none: it is ready
  bool memory_pressure = false, disk_pressure = false, pid_pressure = false;
  std::vector<NodeImage> images;
};

// For POST /api/v1/nodes.
json::Value NodeObject(const NodeFacts& facts);
// Labels that a node which is there already lacks or has otherwise, as a merge patch; nothing:
// none.
std::optional<json::Value> PlanLabels(const NodeFacts& facts, const json::Value& node);
// The whole status. `known`: what the server has; a condition keeps since when it holds.
json::Value NodeStatus(const NodeFacts& facts, const NodeHealth& health, const json::Value& known,
                       int64_t now);
// What differs apart from heartbeat times; nothing: only those, or nothing.
bool Differs(const json::Value& known, const json::Value& status);
// For PATCH /api/v1/nodes/NAME/status (strategic merge), heartbeats included.
json::Value StatusPatch(const json::Value& known, const json::Value& status);

// `known`: the lease as it is, or null; `node_uid` may be empty.
json::Value LeaseObject(const NodeFacts& facts, const std::string& node_uid,
                        const json::Value& known, int64_t now);

}  // namespace keelson::node
