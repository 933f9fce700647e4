// SPDX-License-Identifier: Apache-2.0
// Nodes as daemon sets look at them, read once for a revision. Thread-safe; `cache` outlives it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/watch/follower.h"

namespace keelson::daemonset {

struct Node {
  watch::ObjectPtr object;          // name(), labels
  std::vector<json::Value> taints;  // with the effects NoSchedule and NoExecute

  std::string_view name() const { return object->name(); }
};
using NodePtr = std::shared_ptr<const Node>;
NodePtr ReadNode(const watch::ObjectPtr& object);
// Of what decides which pods it gets.
bool SamePlace(const Node& a, const Node& b);

class Nodes {
 public:
  explicit Nodes(const watch::Cache& cache);
  std::vector<NodePtr> All();  // by name

 private:
  std::mutex mutex_;
  watch::Follower objects_;                            // guarded by mutex_
  std::map<std::string, NodePtr, std::less<>> nodes_;  // by name, guarded by mutex_
};

}  // namespace keelson::daemonset
