// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/cluster.h"

#include <algorithm>

namespace keelson::scheduler::model {

const std::vector<Node*>& Cluster::nodes() const {
  if (!order_is_old_) return order_;
  std::map<std::string_view, std::vector<Node*>> zones;
  for (const auto& [name, node] : nodes_) {
    if (node->known) zones[symbols_.Text(node->zone)].push_back(node.get());
  }
  size_t longest = 0;
  for (auto& [zone, members] : zones) {
    std::sort(members.begin(), members.end(), [&](const Node* a, const Node* b) {
      return symbols_.Text(a->name) < symbols_.Text(b->name);
    });
    longest = std::max(longest, members.size());
  }
  order_.clear();
  for (size_t i = 0; i < longest; ++i) {
    for (const auto& [zone, members] : zones) {
      if (i < members.size()) order_.push_back(members[i]);
    }
  }
  order_is_old_ = false;
  return order_;
}

const Node* Cluster::Find(Symbol name) const {
  const auto found = nodes_.find(name);
  return found != nodes_.end() && found->second->known ? found->second.get() : nullptr;
}

Node& Cluster::NodeOf(Symbol name) {
  std::unique_ptr<Node>& node = nodes_[name];
  if (!node) {
    node = std::make_unique<Node>();
    node->name = name;
  }
  return *node;
}

bool Cluster::PutNode(const json::Value& object) {
  Node& node = NodeOf(symbols_.Of(object.At({"metadata", "name"}).AsString()));
  for (const Image& image : node.images) --image_nodes_[image.name];
  const bool was_known = node.known;
  const Symbol zone = node.zone;
  const bool changed = ReadNode(object, symbols_, node);
  for (const Image& image : node.images) ++image_nodes_[image.name];
  if (!was_known || zone != node.zone) order_is_old_ = true;
  return changed;
}

void Cluster::RemoveNode(std::string_view name) {
  const auto found = nodes_.find(symbols_.Of(name));
  if (found == nodes_.end()) return;
  for (const Image& image : found->second->images) --image_nodes_[image.name];
  order_is_old_ = true;
  if (found->second->pods.empty()) {
    nodes_.erase(found);
  } else {  // until its pods are gone
    found->second->known = false;
    found->second->images.clear();
  }
}

void Cluster::Take(const Place& place) {
  const auto found = nodes_.find(place.node);
  if (found == nodes_.end()) return;
  found->second->Remove(place.pod);
  if (!found->second->known && found->second->pods.empty()) nodes_.erase(found);
}

void Cluster::PutPod(const PodRef& pod) {
  const auto found = places_.find(pod->uid);
  if (pod->node == kEmpty && found != places_.end() && found->second.assumed && !pod->over) return;
  if (found != places_.end()) {
    Take(found->second);
    places_.erase(found);
  }
  if (pod->node == kEmpty || pod->over) return;
  Nominate(pod, kEmpty);
  NodeOf(pod->node).Add(pod);
  places_[pod->uid] = {pod, pod->node, false};
}

void Cluster::RemovePod(const Pod& pod) {
  const auto found = places_.find(pod.uid);
  if (found == places_.end()) return;
  Take(found->second);
  places_.erase(found);
}

void Cluster::Assume(const PodRef& pod, Symbol node) {
  if (places_.contains(pod->uid)) return;
  NodeOf(node).Add(pod);
  places_[pod->uid] = {pod, node, true};
}

void Cluster::Forget(const Pod& pod) {
  if (IsAssumed(pod)) RemovePod(pod);
}

const Cluster::Place* Cluster::FindPlace(const std::string& uid) const {
  const auto found = places_.find(uid);
  return found == places_.end() ? nullptr : &found->second;
}

bool Cluster::IsAssumed(const Pod& pod) const {
  const Place* place = FindPlace(pod.uid);
  return place != nullptr && place->assumed;
}

void Cluster::Nominate(const PodRef& pod, Symbol node) {
  const auto found = nominations_.find(pod->uid);
  if (found != nominations_.end()) {
    std::vector<PodRef>& there = nominated_[found->second];
    std::erase_if(there, [&](const PodRef& other) { return other->uid == pod->uid; });
    if (there.empty()) nominated_.erase(found->second);
    nominations_.erase(found);
  }
  if (node == kEmpty) return;
  nominated_[node].push_back(pod);
  nominations_[pod->uid] = node;
}

const std::vector<PodRef>* Cluster::NominatedTo(Symbol node) const {
  if (nominated_.empty()) return nullptr;
  const auto found = nominated_.find(node);
  return found == nominated_.end() ? nullptr : &found->second;
}

Symbol Cluster::NominationOf(const Pod& pod) const {
  const auto found = nominations_.find(pod.uid);
  return found == nominations_.end() ? kEmpty : found->second;
}

int Cluster::NodesWithImage(Symbol image) const {
  const auto found = image_nodes_.find(image);
  return found == image_nodes_.end() ? 0 : found->second;
}

}  // namespace keelson::scheduler::model
