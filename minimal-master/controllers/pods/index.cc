// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/index.h"

#include "minimal-master/control/write.h"
#include "minimal-master/storage/storage.h"

namespace keelson::pods {

Pods::Pods(const watch::Cache& cache)
    : objects_(cache, storage::PrefixOf(control::ResourceNamed("", "pods"), "")) {}

void Pods::AddLocked(const PodPtr& pod) {
  const watch::Object* id = pod->object.get();
  if (pod->owner_uid.empty()) {
    orphans_[std::string(pod->ns())].emplace(id, pod);
  } else {
    by_owner_[pod->owner_uid].emplace(id, pod);
  }
  if (!pod->node.empty()) by_node_[pod->node].emplace(id, pod);
  pods_.insert_or_assign(std::string(pod->object->key()), pod);
}

void Pods::RemoveLocked(const PodPtr& pod) {
  const auto leave = [&](Groups& groups, std::string_view name) {
    const auto group = groups.find(name);
    if (group == groups.end()) return;
    group->second.erase(pod->object.get());
    if (group->second.empty()) groups.erase(group);
  };
  if (pod->owner_uid.empty()) {
    leave(orphans_, pod->ns());
  } else {
    leave(by_owner_, pod->owner_uid);
  }
  if (!pod->node.empty()) leave(by_node_, pod->node);
}

void Pods::CatchUpLocked() {
  objects_.CatchUp([&](const watch::ObjectPtr& before, const watch::ObjectPtr& after) {
    if (before) {
      const auto at = pods_.find(before->key());
      RemoveLocked(at->second);
      if (!after) pods_.erase(at);
    }
    if (after) AddLocked(ReadPod(after));
  });
}

PodPtr Pods::Read(const watch::ObjectPtr& object) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  const auto at = pods_.find(object->key());
  if (at != pods_.end() && at->second->object == object) return at->second;
  // Superseded since, or gone: several controllers ask for the same one in turn.
  for (const PodPtr& pod : last_read_) {
    if (pod && pod->object == object) return pod;
  }
  std::swap(last_read_[0], last_read_[1]);
  last_read_[0] = ReadPod(object);
  return last_read_[0];
}

PodPtr Pods::Find(std::string_view ns, std::string_view name) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  const auto at = pods_.find(objects_.prefix() + std::string(ns) + "/" + std::string(name));
  return at == pods_.end() ? nullptr : at->second;
}

std::vector<PodPtr> Pods::Listed(const Groups& groups, std::string_view name) {
  std::vector<PodPtr> out;
  const auto group = groups.find(name);
  if (group == groups.end()) return out;
  out.reserve(group->second.size());
  for (const auto& [object, pod] : group->second) out.push_back(pod);
  return out;
}

std::vector<PodPtr> Pods::InNamespace(std::string_view ns) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  std::vector<PodPtr> out;
  const std::string prefix = objects_.prefix() + std::string(ns) + "/";
  for (auto at = pods_.lower_bound(prefix); at != pods_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    out.push_back(at->second);
  }
  return out;
}

std::vector<PodPtr> Pods::ControlledBy(std::string_view owner_uid) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  return Listed(by_owner_, owner_uid);
}

std::vector<PodPtr> Pods::WithoutController(std::string_view ns) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  return Listed(orphans_, ns);
}

std::vector<PodPtr> Pods::OnNode(std::string_view node) {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  return Listed(by_node_, node);
}

std::vector<PodPtr> Pods::All() {
  const std::lock_guard lock(mutex_);
  CatchUpLocked();
  std::vector<PodPtr> out;
  out.reserve(pods_.size());
  for (const auto& [key, pod] : pods_) out.push_back(pod);
  return out;
}

}  // namespace keelson::pods
