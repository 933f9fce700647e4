// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/nodes.h"

#include "minimal-master/control/objects.h"
#include "minimal-master/control/write.h"
#include "minimal-master/storage/storage.h"

namespace keelson::daemonset {

NodePtr ReadNode(const watch::ObjectPtr& object) {
  auto out = std::make_shared<Node>();
  out->object = object;
  const json::Value node = control::ParseFacts(*object);
  for (const json::Value& taint : node.At({"spec", "taints"}).items()) {
    const std::string& effect = taint.At({"effect"}).AsString();
    if (effect == "NoSchedule" || effect == "NoExecute") out->taints.push_back(taint);
  }
  return out;
}

bool SamePlace(const Node& a, const Node& b) {
  return a.object->labels() == b.object->labels() && a.taints == b.taints;
}

Nodes::Nodes(const watch::Cache& cache)
    : objects_(cache, storage::PrefixOf(control::ResourceNamed("", "nodes"), "")) {}

std::vector<NodePtr> Nodes::All() {
  const std::lock_guard lock(mutex_);
  objects_.CatchUp([&](const watch::ObjectPtr& before, const watch::ObjectPtr& after) {
    if (after) {
      nodes_.insert_or_assign(std::string(after->name()), ReadNode(after));
    } else if (before) {
      nodes_.erase(std::string(before->name()));
    }
  });
  std::vector<NodePtr> out;
  out.reserve(nodes_.size());
  for (const auto& [name, node] : nodes_) out.push_back(node);
  return out;
}

}  // namespace keelson::daemonset
